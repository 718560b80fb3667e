#include "trainer/prepare.h"

#include <algorithm>
#include <tuple>

#include "core/hardening.h"
#include "core/trial_model.h"
#include "core/warnings.h"
#include "trainer/device.h"
#include "trainer/qa_windows.h"
#include "trainer/random_weights.h"
#include "trainer/reader.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

std::string DataKey(const TrialSpec& spec, const Prepared& prepared) {
  return prepared.model_hash + prepared.data_hash + std::to_string(spec.training.max_length) +
         (spec.task.type == "qa" ? "/" + std::to_string(spec.training.doc_stride) : "");
}

// The task's files as tokens; texts are truncated, contexts of questions cut into windows.
Result<std::shared_ptr<const TokenizedData>> ReadData(const RunContext& run, Tokenizer& tokenizer,
                                                      int types) {
  const TrialSpec& spec = run.spec;
  const int64_t max_length = spec.training.max_length;
  if (spec.task.type == "qa") {
    auto questions = ReadQuestions(spec.task, run.options.data_folder);
    if (!questions.ok()) return questions.status();
    return TokenizeQuestions(tokenizer, *std::move(questions), max_length, spec.training.doc_stride,
                             types);
  }
  if (Status cut = tokenizer.Truncate(static_cast<int>(max_length)); !cut.ok()) {
    return Status(StatusCode::kFailedPrecondition, cut.message());  // refused
  }
  auto examples = ReadExamples(spec.task, run.options.data_folder);
  if (!examples.ok()) return examples.status();
  return Tokenize(tokenizer, *examples, types);
}

// What the windows of the training questions are worth a warning for.
std::vector<std::string> WindowWarnings(const TokenizedSplit& train) {
  const auto [answers, cut] = CountCutAnswers(train);
  if (cut == 0) return {};
  return {std::to_string(cut) + " of " + std::to_string(answers) +
          " training answers are cut by every window of their context and train as if there were "
          "none; raise max_length or doc_stride"};
}

// Random weights are those of a seed.
std::string CheckpointKey(const TrialSpec& spec, const Prepared& prepared) {
  const bool random = spec.training.init == "random";
  return prepared.model_hash + (random ? " random " + std::to_string(spec.seed) : "");
}

}  // namespace

at::ScalarType PrecisionOf(const TrainingOptions& training) {
  return training.precision == "bfloat16" ? at::kBFloat16 : at::kFloat;
}

MaybeFailure CheckTrial(const RunContext& run, Prepared* prepared) {
  const TrialSpec& spec = run.spec;
  if (Status keep = CheckKeep(spec); !keep.ok()) return Refused(keep);
  const std::string& offered = run.options.device;
  if (offered != "auto" && spec.device != "auto" && spec.device != offered) {
    return Refused(Status(StatusCode::kFailedPrecondition,
                          "device \"" + spec.device + "\" was asked for and this worker offers \"" +
                              offered + "\" only"));
  }
  auto device = ChooseDevice(spec.device == "auto" ? offered : spec.device);
  if (!device.ok()) return Refused(device.status());
  Status precision = CheckPrecision(spec.training.precision, FactsOf(*device));
  if (!precision.ok()) return Refused(precision);
  prepared->device = *device;
  auto model = ModelFingerprint(ModelFolder(run.options.data_folder, spec), run.resident.hashes,
                                spec.training.init == "pretrained");
  if (!model.ok()) return Refused(model.status());
  Result<std::string> data = spec.data_fingerprint;
  if (HasTask(spec)) {
    data = DataFingerprint(run.options.data_folder, spec.task, run.resident.hashes);
    if (!data.ok()) return Refused(data.status());
  }
  for (auto [what, have, want] : {std::tuple("model", &*model, &spec.model_fingerprint),
                                  std::tuple("data", &*data, &spec.data_fingerprint)}) {
    if (*have != *want) {
      return Refused(
          InvalidArgument(std::string("the ") + what + " files of this machine have fingerprint " +
                          *have + ", the trial wants " + *want + "; copy the server's files here"));
    }
  }
  prepared->model_hash = *model;
  prepared->data_hash = *data;
  return {};
}

MaybeFailure LoadModel(const RunContext& run, Prepared* prepared) {
  const TrialSpec& spec = run.spec;
  const bool random = spec.training.init == "random";
  const std::string key = CheckpointKey(spec, *prepared);
  prepared->checkpoint = run.resident.checkpoints.Find(key);
  if (!prepared->checkpoint) {
    const std::string folder = ModelFolder(run.options.data_folder, spec).string();
    auto loaded = random ? RandomCheckpoint(folder, spec.seed) : LoadCheckpoint(folder);
    if (!loaded.ok()) return Refused(loaded.status());
    prepared->checkpoint = *loaded;
    run.resident.checkpoints.Put(key, prepared->checkpoint);
  }
  Status fits = CheckModel(spec, prepared->checkpoint->config);
  if (!fits.ok()) return Refused(fits);
  return {};
}

MaybeFailure TokenizeData(const RunContext& run, Prepared* prepared) {
  const TrialSpec& spec = run.spec;
  const std::string key = DataKey(spec, *prepared);
  prepared->data = run.resident.tokenized.Find(key);
  if (!prepared->data) {
    auto tokenizer = Tokenizer::Load(prepared->checkpoint->folder);
    if (!tokenizer.ok()) return Refused(tokenizer.status());
    Status vocabulary = CheckVocabulary(spec, *tokenizer, prepared->checkpoint->config);
    if (!vocabulary.ok()) return Refused(vocabulary);
    auto made = ReadData(run, *tokenizer, prepared->checkpoint->config.types);
    if (!made.ok()) return FailureOf(made.status());
    prepared->data = *made;
    run.resident.tokenized.Put(key, prepared->data);
  }
  prepared->train = FirstExamples(prepared->data->train, spec.training.train_examples);
  return {};
}

Result<std::shared_ptr<TrialTexts>> TextsOf(const RunContext& run, const Prepared& prepared,
                                            const Plan& plan) {
  // Similarities may be those of the model's own embeddings.
  const std::string key = DataKey(run.spec, prepared) + CheckpointKey(run.spec, prepared);
  auto texts = run.resident.texts.Find(key);
  if (!texts) {
    auto tokenizer = Tokenizer::Load(prepared.checkpoint->folder);
    if (!tokenizer.ok()) return tokenizer.status();
    Status truncated = tokenizer->Truncate(static_cast<int>(run.spec.training.max_length));
    if (!truncated.ok()) return truncated;
    auto read = TrialTexts::Read(run.spec.task, run.options.data_folder, *std::move(tokenizer),
                                 prepared.checkpoint);
    if (!read.ok()) return read.status();
    texts = *read;
    run.resident.texts.Put(key, texts);
  }
  Status made = texts->Prepare(
      plan,
      ExamplesOf(*texts, prepared.train.size(), prepared.dev().size() + prepared.test().size()),
      run.resident.parser, [&] { return run.observer.Cancelled(); });
  if (!made.ok()) return made;
  return texts;
}

MaybeFailure MakeMasks(const RunContext& run, Prepared* prepared, TrialResult* result) {
  const TrialSpec& spec = run.spec;
  const TokenizedSplit &train = prepared->train, &dev = prepared->dev();
  const int max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return Refused(plan.status());
  if (Status learned = CheckLearned(*plan, spec.kind); !learned.ok()) return Refused(learned);
  if (plan->learned() && spec.training.precision != "float32") {
    return Refused(InvalidArgument("precision \"" + spec.training.precision +
                                   "\": learned patterns are computed in float32 only"));
  }
  if (Status words = CheckWords(*plan, spec.task); !words.ok()) return Refused(words);
  std::shared_ptr<TrialTexts> texts;
  if (plan->needs_text()) {
    auto made = TextsOf(run, *prepared, *plan);
    if (!made.ok()) return FailureOf(made.status());
    texts = *made;
  }
  if (NeedsParses(*plan)) {
    const auto counts = texts->Counts(ExamplesOf(*texts, train.size(), dev.size()));
    result->parsed_share = static_cast<double>(counts.parsed) /
                           static_cast<double>(std::max<int64_t>(counts.sentences, 1));
    result->warnings = ParseWarnings(counts);
  }
  if (train.qa) {
    for (std::string& warning : WindowWarnings(train)) {
      result->warnings.push_back(std::move(warning));
    }
  }
  // Of a window or a sequence of a corpus every token counts, as with mean pooling.
  const bool every = train.qa || spec.kind == "pretrain";
  const std::string pooling = every ? "mean" : spec.training.pooling;
  auto masks = PlanTrial(spec, *plan, train, dev, texts, run.options.path, run.resident.masks,
                         prepared->test());
  if (!masks.ok()) return Refused(masks.status());
  prepared->masks = *std::move(masks);
  for (std::string& warning :
       PlanWarnings(*plan, prepared->masks->lengths, pooling, prepared->masks->mask_seed)) {
    result->warnings.push_back(std::move(warning));
  }
  std::vector<int> lengths = train.lengths();
  for (int length : dev.lengths()) lengths.push_back(length);
  for (std::string& warning : LexicalDensityWarnings(*prepared->masks, lengths)) {
    result->warnings.push_back(std::move(warning));
  }
  return {};
}

}  // namespace sparsweep
