#include "trainer/predict_masks.h"

#include <filesystem>

#include "core/catalog.h"
#include "core/trial_model.h"
#include "trainer/export.h"
#include "trainer/learned_run.h"
#include "trainer/random_weights.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

// The model whose word vectors lexical compares, as it was when the trial began.
Result<std::shared_ptr<const Checkpoint>> VectorsOf(const TrialSpec& base, const Plan& plan,
                                                    const fs::path& data) {
  const bool random = base.training.init == "random";
  const fs::path folder = ModelFolder(data, base);
  HashCache hashes;
  auto found = ModelFingerprint(folder, hashes, !random);
  if (!found.ok() || *found != base.model_fingerprint) {
    return Status(StatusCode::kNotFound,
                  "\"" + plan.canonical() + "\" compares the word vectors of model \"" + base.model +
                      "\" as the trial read it, and " + folder.string() + " " +
                      (found.ok() ? "is another by now" : "is not there") + "; put it back");
  }
  return random ? RandomCheckpoint(folder.string(), base.seed) : LoadCheckpoint(folder.string());
}

// The task, as far as its texts go, with the input in the place of its files.
Result<TaskSpec> InputTask(const PredictMasksRequest& request, const Plan& plan) {
  TaskSpec task = request.spec.task;
  task.files = {{"dev", {fs::absolute(request.input).string()}}};
  task.format = "jsonl";
  task.columns.try_emplace("text", "text");
  const std::string treebank = request.input + ".conllu";
  if (task.parses == "conllu" && !fs::exists(treebank)) {
    return Status(StatusCode::kNotFound,
                  "\"" + plan.canonical() +
                      "\" has the words of CoNLL-U "
                      "files, as the task says; put those of the input into " +
                      treebank);
  }
  return task;
}

Result<std::shared_ptr<const TrialTexts>> TextsOf(const PredictMasksRequest& request,
                                                  const Plan& plan, const fs::path& data) {
  if (Status words = CheckWords(plan, request.spec.task); !words.ok()) return words;
  auto task = InputTask(request, plan);
  if (!task.ok()) return task.status();
  const std::string folder = ModelFolder(data, request.spec).string();
  auto tokenizer = Tokenizer::Load(folder);
  if (!tokenizer.ok()) return tokenizer.status();
  Status cut = tokenizer->Truncate(static_cast<int>(request.spec.training.max_length));
  if (!cut.ok()) return cut;
  Result<std::shared_ptr<const Checkpoint>> vectors = std::shared_ptr<const Checkpoint>();
  if (NeedsVectors(plan, Similarity::kModel)) {
    vectors = request.base ? VectorsOf(*request.base, plan, data) : LoadCheckpoint(folder);
    if (!vectors.ok()) return vectors.status();
  }
  auto texts = TrialTexts::Of(*task, data, request.examples, *std::move(tokenizer), *vectors);
  if (!texts.ok()) return texts.status();
  Parser parser(data);
  Status prepared = (*texts)->Prepare(plan, ExamplesOf(**texts, 0, request.dev.size()), parser,
                                      [] { return false; });
  if (!prepared.ok()) return prepared;
  return std::shared_ptr<const TrialTexts>(*std::move(texts));
}

}  // namespace

Result<std::unique_ptr<const TrialMasks>> PredictMasks(const PredictMasksRequest& request,
                                                       const TrainerOptions& options,
                                                       MaskCache& cache) {
  const TrialSpec& spec = request.spec;
  const int max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  std::shared_ptr<const TrialTexts> texts;
  if (plan->needs_text()) {
    auto made = TextsOf(request, *plan, options.data_folder);
    if (!made.ok()) return made.status();
    texts = *std::move(made);
  }
  auto masks = PlanTrial(spec, *plan, {}, request.dev, std::move(texts), options.path, cache);
  if (!masks.ok() || !plan->learned()) return masks;
  auto learned = LearnedOfModel(*plan, spec.model, ModelFolder(options.data_folder, spec));
  if (!learned.ok()) return learned.status();
  auto hardened = HardenedMasks(**masks, *learned, options.path, cache);
  if (!hardened.ok()) return hardened.status();
  TrialMasks sparse = **masks;
  sparse.mask_plan = *std::move(hardened);
  return std::unique_ptr<const TrialMasks>(new TrialMasks(std::move(sparse)));
}

}  // namespace sparsweep
