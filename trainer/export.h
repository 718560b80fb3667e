// A trained model as a folder in Hugging Face layout: config.json, model.safetensors,
// tokenizer.json, which transformers loads and this trainer too, and sparsweep.json, which says
// what it was made from. Not here: who asks for it (finetune_run.h). The trial's thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/catalog.h"
#include "core/hardening.h"
#include "core/result.h"
#include "core/trial.h"
#include "trainer/bert.h"
#include "trainer/optimizer.h"

namespace sparsweep {

// All weights of `model` under transformers' names. Rows of tables that its data never reached are
// the checkpoint's, with the decay that AdamW would have given them.
std::map<std::string, at::Tensor> NamedWeights(const Bert& model, const Checkpoint& checkpoint,
                                               const AdamW& optimizer);

// config.json of the trained model: the checkpoint's, with the head and the labels of the task.
Result<std::string> TrainedConfig(const Checkpoint& checkpoint, const TaskSpec& task,
                                  const BertOptions& options);

// One of its small files.
Status WriteText(const std::filesystem::path& path, const std::string& text);

// Writes the folder, which is made if need be. `spec` is recorded, without seconds and names, so
// that equal trials write equal bytes; so is what the plan's learned patterns stand at.
Status WriteModel(const Bert& model, const Checkpoint& checkpoint, const AdamW& optimizer,
                  const TrialSpec& spec, const std::filesystem::path& folder,
                  const std::vector<DegreeRow>& learned = {});

// What a folder that WriteModel made records of learned patterns, for the layers and heads where
// `plan` has such. An error that names `model` where they are not there.
Result<LearnedDegrees> LearnedOfModel(const Plan& plan, const std::string& model,
                                      const std::filesystem::path& folder);

// The files of a kept model, in the attempt's folder (core/kept_folder.h) until its worker
// has uploaded them. What was not finished goes.
class KeptModel {
 public:
  explicit KeptModel(std::filesystem::path folder) : folder_(std::move(folder)) {}
  KeptModel(const KeptModel&) = delete;
  ~KeptModel();

  const std::filesystem::path& folder() const { return folder_; }
  Result<KeptCheckpoint> Finish();

 private:
  std::filesystem::path folder_;
  bool finished_ = false;
};

}  // namespace sparsweep
