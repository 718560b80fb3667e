// `sparsweep predict`: a trained model over the user's own texts. Finds the model (of the data
// folder, or what a trial kept) and hands the rest to `sparsweep-trainer predict`.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/ask_trainer.h"
#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/fetch.h"
#include "client/json_output.h"
#include "core/catalog.h"
#include "core/model_config.h"
#include "core/trial.h"
#include "worker/model_files.h"
#include "worker/worker.h"

namespace sparsweep {
namespace {

constexpr std::chrono::hours kLongest{24};

struct Asked {
  TrialSpec trial;                // whose model has the weights
  std::optional<TrialSpec> base;  // the trial as it ran, where the weights are what it kept
};

Status FetchModel(Service& service, const TrialSpec& spec, const std::string& data) {
  for (const BlobFile& file : MissingModelFiles(TrialSpecToJson(spec), data)) {
    std::error_code ignored;  // FetchBlob says what cannot be written
    std::filesystem::create_directories(file.path.parent_path(), ignored);
    if (Status got = FetchBlob(service, file.sha256, file.path); !got.ok()) return got;
  }
  return {};
}

// What a trial trained: its spec, with the weights that it kept as the model.
Result<Asked> OfTrial(const Options& options) {
  const Result<std::string> name = TrialName(options.predict_trial);
  if (!name.ok()) return name.status();
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return service.status();
  const Result<v1::Trial> trial = GetTrial(**service, *name);
  if (!trial.ok()) return trial.status();
  auto spec = ParseTrialSpec(MessageJson(trial->spec(), false));
  if (!spec.ok()) return spec.status();
  const auto result = nlohmann::json::parse(MessageJson(trial->result(), false), nullptr, false);
  if (!result.is_object() || !result.contains("checkpoint")) {
    return InvalidArgument(
        "trial " + name->substr(7) +
        " kept no weights; add \"keep\": \"last\" to its sweep and run it again");
  }
  Asked asked;
  asked.base = *spec;
  const auto& checkpoint = result["checkpoint"];
  spec->model = "trial:" + name->substr(7);
  spec->model_fingerprint = checkpoint.at("fingerprint");
  spec->model_files = checkpoint.at("files").get<std::map<std::string, std::string>>();
  if (!options.attention.empty()) spec->attention = options.attention;
  for (const TrialSpec* one : {&*spec, &*asked.base}) {
    if (Status fetched = FetchModel(**service, *one, options.data); !fetched.ok()) return fetched;
  }
  asked.trial = *std::move(spec);
  return asked;
}

Result<Asked> OfModel(const Options& options) {
  TrialSpec spec;
  spec.kind = "infer";  // which needs no task
  spec.model = options.model.find('/') == std::string::npos
                   ? options.model
                   : std::filesystem::absolute(options.model).lexically_normal().string();
  const auto config = ModelFolder(options.data, spec.model) / "config.json";
  std::ifstream in(config, std::ios::binary);
  if (!in) {
    return Status(StatusCode::kNotFound,
                  "model \"" + options.model + "\": " + config.string() + " cannot be opened");
  }
  std::stringstream text;
  text << in.rdbuf();
  ResolvedModel model;
  if (Status read = ReadModelConfig(text.str(), &model); !read.ok()) return read;
  spec.layers = model.layers;
  spec.heads = model.heads;
  spec.training.max_length = std::min<int64_t>(model.max_positions, spec.training.max_length);
  if (!options.task.empty()) {
    Catalog catalog(options.data);
    const std::string task = options.task.find('/') == std::string::npos
                                 ? options.task
                                 : std::filesystem::absolute(options.task).string();
    auto resolved = catalog.Task(task);
    if (!resolved.ok()) return resolved.status();
    spec.task = resolved->task;
  }
  spec.attention = options.attention.empty() ? "dense" : options.attention;
  return Asked{std::move(spec), {}};
}

Result<std::string> Answer(const Options& options) {
  if (options.model.empty() == options.predict_trial.empty()) {
    return InvalidArgument("predict needs --model or --trial, one of them");
  }
  auto asked = options.model.empty() ? OfTrial(options) : OfModel(options);
  if (!asked.ok()) return asked.status();
  TrialSpec& spec = asked->trial;
  if (options.max_length > 0) spec.training.max_length = options.max_length;
  if (!options.pooling.empty()) spec.training.pooling = options.pooling;
  if (options.mask_seed > 0) spec.mask_seed = options.mask_seed;
  const std::string trainer = options.trainer.empty() ? DefaultTrainer() : options.trainer;
  nlohmann::json question = {{"trial", nlohmann::json::parse(TrialSpecToJson(spec))},
                             {"input", options.input},
                             {"output", options.output},
                             {"hidden", options.hidden},
                             {"batch_size", options.batch_size}};
  if (asked->base) question["base"] = nlohmann::json::parse(TrialSpecToJson(*asked->base));
  const auto output = AskTrainer(trainer,
                                 {"predict", "--data", options.data, "--device", options.device,
                                  "--threads", std::to_string(options.threads_per_slot)},
                                 question, {.time = kLongest});
  if (!output.ok()) return output.status();
  const auto answer = nlohmann::json::parse(*output);
  return std::to_string(answer.value("examples", 0)) + " examples in " + options.output;
}

}  // namespace

int PredictTexts(const Options& options) {
  const Result<std::string> answer = Answer(options);
  if (!answer.ok()) return Refuse(answer.status());
  std::fprintf(stderr, "%s\n", answer->c_str());
  return kExitOk;
}

}  // namespace sparsweep
