#include "trainer/predict_command.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/trial_model.h"
#include "trainer/bert.h"
#include "trainer/device.h"
#include "trainer/predict_masks.h"
#include "trainer/prepare.h"
#include "trainer/qa_answers.h"
#include "trainer/qa_windows.h"
#include "trainer/reader.h"
#include "trainer/text.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int64_t kBatchesInMemory = 32;

struct Request {
  TrialSpec spec;
  std::optional<TrialSpec> base;
  std::string input, output;
  bool hidden = false;
  int64_t batch_size = 32;
};

Result<Request> ParseRequest(const std::string& text) {
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("trial")) {
    return InvalidArgument("a request is a JSON object with trial, input and output");
  }
  auto spec = ParseTrialSpec(parsed["trial"].dump());
  if (!spec.ok()) return spec.status();
  Request request;
  request.spec = *std::move(spec);
  if (parsed.contains("base")) {
    auto base = ParseTrialSpec(parsed["base"].dump());
    if (!base.ok()) return base.status();
    request.base = *std::move(base);
  }
  request.input = parsed.value("input", "");
  request.output = parsed.value("output", "");
  request.hidden = parsed.value("hidden", false);
  request.batch_size = parsed.value("batch_size", int64_t{32});
  if (request.input.empty() || request.output.empty() || request.batch_size < 1) {
    return InvalidArgument("a request needs input, output and a batch_size of at least 1");
  }
  return request;
}

// The texts of a file of JSON lines; columns are those of the task, or text and text_pair.
Result<Examples> ReadInput(const Request& request) {
  const auto& columns = request.spec.task.columns;
  const auto column = [&](const char* role) {
    const auto found = columns.find(role);
    return found == columns.end() ? std::string() : found->second;
  };
  std::vector<std::string> wanted = {column("text").empty() ? "text" : column("text")};
  if (!column("text_pair").empty()) wanted.push_back(column("text_pair"));
  Examples examples;
  Status read = ReadRows(request.input, "jsonl", wanted, [&](int64_t line, const auto& values) {
    Example example;
    example.line = line;
    example.text = Trim(values[0]);
    if (values.size() > 1) example.text_pair = Trim(values[1]);
    if (example.text.empty()) {
      return InvalidArgument(request.input + ":" + std::to_string(line) + ": the text in \"" +
                             wanted[0] + "\" is empty");
    }
    examples.dev.push_back(std::move(example));
    return Status();
  });
  if (!read.ok()) return read;
  if (examples.dev.empty()) return InvalidArgument(request.input + ": has no line");
  return examples;
}

// Questions and their contexts; what is asked stands in "question", about what in "context".
Result<Questions> ReadAsked(const std::string& input) {
  Questions questions;
  Status read =
      ReadRows(input, "jsonl", {"question", "context"}, [&](int64_t line, const auto& values) {
        const std::string where = input + ":" + std::to_string(line);
        for (int i : {0, 1}) {
          if (!Trim(values[i]).empty()) continue;
          return InvalidArgument(where + ": the " + (i == 0 ? "question" : "context") +
                                 " is empty");
        }
        Question question;
        question.id = std::to_string(line);
        question.text = values[0];
        question.context = std::make_shared<const std::string>(values[1]);
        questions.dev.push_back(std::move(question));
        return Status();
      });
  if (!read.ok()) return read;
  if (questions.dev.empty()) return InvalidArgument(input + ": has no line");
  questions.may_have_none = true;  // nobody has said where the answers are
  return questions;
}

struct Input {
  Examples examples;  // without a text: questions
  std::shared_ptr<const TokenizedData> data;
};

Result<Input> TokenizeInput(const Request& request, const Checkpoint& checkpoint) {
  auto tokenizer = Tokenizer::Load(checkpoint.folder);
  if (!tokenizer.ok()) return tokenizer.status();
  Status usable = CheckVocabulary(request.spec, *tokenizer, checkpoint.config);
  if (!usable.ok()) return usable;
  const TrainingOptions& training = request.spec.training;
  if (request.spec.task.type == "qa") {
    auto questions = ReadAsked(request.input);
    if (!questions.ok()) return questions.status();
    auto windows = TokenizeQuestions(*tokenizer, *std::move(questions), training.max_length,
                                     training.doc_stride, checkpoint.config.types);
    if (!windows.ok()) return windows.status();
    return Input{{}, *std::move(windows)};
  }
  usable = tokenizer->Truncate(static_cast<int>(training.max_length));
  if (!usable.ok()) return usable;
  auto examples = ReadInput(request);
  if (!examples.ok()) return examples.status();
  auto tokens = Tokenize(*tokenizer, *examples, checkpoint.config.types);
  if (!tokens.ok()) return tokens.status();
  return Input{*std::move(examples), *std::move(tokens)};
}

// How many outputs the task's head has; 0: hidden states alone.
int Outputs(const TaskSpec& task) {
  if (task.type == "regression") return 1;
  if (task.type == "qa") return 2;
  return task.type == "classification" ? static_cast<int>(task.labels.size()) : 0;
}

// The head that was trained, by the shape of its last layer.
Status CheckHead(const Request& request, const Checkpoint& checkpoint, int outputs) {
  const bool qa = request.spec.task.type == "qa";
  const std::string model = "model \"" + request.spec.model + "\"";
  for (const char* name :
       {"qa_outputs.weight", "classifier.weight", "classifier.out_proj.weight"}) {
    const auto found = checkpoint.tensors.find(name);
    if (found == checkpoint.tensors.end() || qa != (name[0] == 'q')) continue;
    if (found->second.size(0) == outputs) return {};
    return InvalidArgument(model + " was trained for " + std::to_string(found->second.size(0)) +
                           " outputs, the task has " + std::to_string(outputs));
  }
  return InvalidArgument(model + " has no trained " + (qa ? "head for answers" : "classifier") +
                         "; name a trial of a sweep with \"keep\", or ask for --hidden without a "
                         "task");
}

Status CheckRequest(const Request& request, const Checkpoint& checkpoint) {
  if (Status fits = CheckModel(request.spec, checkpoint.config); !fits.ok()) return fits;
  const std::string& type = request.spec.task.type;
  const int outputs = Outputs(request.spec.task);
  if (outputs > 0 && request.hidden && type == "qa") {
    return InvalidArgument(
        "a question is read in windows, whose hidden states are not written; leave --hidden out");
  }
  if (outputs > 0) return CheckHead(request, checkpoint, outputs);
  if (request.hidden) return {};
  return InvalidArgument("a task of type " + type +
                         " has no labels to predict; ask for hidden states with --hidden");
}

ordered_json Numbers(const at::Tensor& row) {
  const at::Tensor values = row.to(at::kCPU, at::kFloat).contiguous();
  ordered_json list = ordered_json::array();
  for (int64_t i = 0; i < values.numel(); ++i) list.push_back(values.const_data_ptr<float>()[i]);
  return list;
}

// What one batch says of its examples, line by line of the output.
void AddLines(const Request& request, const Batch& batch, const at::Tensor& logits,
              const at::Tensor& last, const std::vector<int64_t>& group,
              std::vector<ordered_json>* lines) {
  const TaskSpec& task = request.spec.task;
  for (size_t b = 0; b < group.size(); ++b) {
    ordered_json& line = (*lines)[group[b]];
    const at::Tensor row = logits[static_cast<int64_t>(b)];
    if (task.type == "regression") {
      line["value"] = row[0].item<double>();
    } else if (Outputs(task) > 0) {
      line["logits"] = Numbers(row);
      line["label"] = task.labels[static_cast<size_t>(row.argmax().item<int64_t>())];
    }
    if (!request.hidden) continue;
    ordered_json tokens = ordered_json::array();
    for (int t = 0; t < batch.lengths[b]; ++t) {
      tokens.push_back(Numbers(last[static_cast<int64_t>(b)][t]));
    }
    line["hidden"] = std::move(tokens);
  }
}

void AddWindows(const Batch& batch, const at::Tensor& logits, const std::vector<int64_t>& group,
                AnswerFinder* finder) {
  const at::Tensor spans = logits.permute({2, 0, 1}).to(at::kCPU).contiguous();  // [2, B, N]
  for (size_t b = 0; b < group.size(); ++b) {
    const int64_t row = static_cast<int64_t>(b) * batch.padded;
    finder->Add(group[b], spans[0].const_data_ptr<float>() + row,
                spans[1].const_data_ptr<float>() + row, batch.lengths[b]);
  }
}

// The answers of all questions: a question's windows may be in any batch.
std::vector<ordered_json> AnswersOf(const Request& request, const Bert& model,
                                    const TokenizedSplit& split, Implementation implementation) {
  AnswerFinder finder(*split.qa);
  for (const auto& group : EvalOrder(split.lengths(), request.batch_size)) {
    const Batch batch = MakeBatch(split, group, model.options().device);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, implementation,
                             Phase::kEvaluation);
    AddWindows(batch, model.Logits(batch, attention, Pass{}), group, &finder);
  }
  std::vector<ordered_json> lines(split.qa->questions.size());
  for (size_t question = 0; question < lines.size(); ++question) {
    const FoundAnswer answer = finder.Answer(static_cast<int64_t>(question));
    lines[question]["answer"] = answer.text;
    lines[question]["null_score"] = answer.null_score;
  }
  return lines;
}

// Of examples [first, end), batched by length among themselves.
std::vector<ordered_json> LinesOf(const Request& request, const Bert& model,
                                  const TokenizedSplit& split, Implementation implementation,
                                  int64_t first, int64_t end) {
  std::vector<int> lengths;
  for (int64_t i = first; i < end; ++i) lengths.push_back(split.length(i));
  std::vector<ordered_json> lines(lengths.size());
  for (const auto& group : EvalOrder(lengths, request.batch_size)) {
    std::vector<int64_t> examples = group;
    for (int64_t& example : examples) example += first;
    const Batch batch = MakeBatch(split, examples, model.options().device);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded, implementation,
                             Phase::kEvaluation);
    std::vector<at::Tensor> states;
    const at::Tensor logits = model.Logits(batch, attention, Pass{}, &states);
    const int64_t count = static_cast<int64_t>(group.size());
    AddLines(request, batch, logits, states.back().view({count, batch.padded, -1}), group, &lines);
  }
  return lines;
}

// Line by line in the order of the input; a part of it in memory, since hidden states are large.
Result<int64_t> WriteLines(const Request& request, const Bert& model, const TokenizedSplit& split,
                           Implementation implementation) {
  c10::InferenceMode inference;
  std::ofstream out(request.output, std::ios::binary);
  int64_t written = 0;
  const auto write = [&](const std::vector<ordered_json>& lines) {
    for (const ordered_json& line : lines) {
      out << line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << "\n";
    }
    written += static_cast<int64_t>(lines.size());
    return static_cast<bool>(out.flush());
  };
  bool good = true;
  if (split.qa) {
    good = write(AnswersOf(request, model, split, implementation));
  } else {
    const int64_t part = request.batch_size * kBatchesInMemory;
    for (int64_t first = 0; good && first < split.size(); first += part) {
      good = write(LinesOf(request, model, split, implementation, first,
                           std::min(split.size(), first + part)));
    }
  }
  if (good) return written;
  return Status(StatusCode::kPermissionDenied, request.output + ": cannot be written");
}

}  // namespace

Result<std::string> Predict(const std::string& text, const TrainerOptions& options) {
  auto request = ParseRequest(text);
  if (!request.ok()) return request.status();
  const TrialSpec& spec = request->spec;
  auto device = ChooseDevice(options.device);
  if (!device.ok()) return device.status();
  Status computes = CheckPrecision(spec.training.precision, FactsOf(*device));
  if (!computes.ok()) return computes;
  auto checkpoint = LoadCheckpoint(ModelFolder(options.data_folder, spec).string());
  if (!checkpoint.ok()) return checkpoint.status();
  if (Status usable = CheckRequest(*request, **checkpoint); !usable.ok()) return usable;
  auto input = TokenizeInput(*request, **checkpoint);
  if (!input.ok()) return input.status();
  const TokenizedSplit& split = input->data->dev;
  MaskCache cache;
  auto masks = PredictMasks(
      {spec, request->base ? &*request->base : nullptr, request->input, input->examples, split},
      options, cache);
  if (!masks.ok()) return masks.status();

  BertOptions model_options;
  model_options.vocabulary = input->data->vocabulary;
  model_options.max_length = static_cast<int>(spec.training.max_length);
  model_options.precision = PrecisionOf(spec.training);
  if (split.qa) model_options.head.kind = HeadKind::kSpan;
  model_options.head.outputs = std::max(Outputs(spec.task), 1);
  model_options.head.mean_pooling = spec.training.pooling == "mean";
  model_options.head.trained = true;
  model_options.device = *device;
  const Bert model(**checkpoint, model_options, *(*masks)->mask_plan);

  auto written = WriteLines(*request, model, split, options.implementation);
  if (!written.ok()) return written.status();
  return json({{"examples", *written}, {"output", request->output}}).dump();
}

}  // namespace sparsweep
