// From a TrialSpec to a TrialResult: checks, loads, tokenizes, plans, attests, trains. Keeps what
// the next trial can use: base weights, tokenised data, masks, file hashes. Not here: the loop
// (train.h) and the protocol (protocol.h). One thread.
#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "attention/attest.h"
#include "attention/mask_plan.h"
#include "core/catalog.h"
#include "core/trial.h"
#include "trainer/checkpoint.h"
#include "trainer/learned_run.h"
#include "trainer/tokens.h"
#include "trainer/train.h"
#include "trainer/trial_texts.h"

namespace sparsweep {

struct TrainerOptions {
  std::filesystem::path data_folder;
  int threads = 1;
  PathChoice path = PathChoice::kAuto;
  Implementation implementation = Implementation::kAuto;
  std::string device = "auto";  // all it may use; a trial that asks for another is refused
};

// Hears of phases, in addition to the loop's steps.
class TrialObserver : public TrainObserver {
 public:
  // check, load, tokenize, plan, attest, train; the last with the number of steps.
  virtual void OnPhase(const std::string& phase, int64_t steps, int64_t epochs) = 0;
};

class TrialRunner {
 public:
  explicit TrialRunner(TrainerOptions options)
      : options_(std::move(options)), parser_(options_.data_folder) {}

  // Exceptions of LibTorch pass through (out of memory, bugs): the caller ends the process.
  std::variant<TrialResult, Failure> Run(const TrialSpec& spec, const std::string& attempt,
                                         TrialObserver& observer);

  // Sets the fingerprints of a spec that has none: for one-off runs, where nobody else did.
  Status FillFingerprints(TrialSpec* spec);

 private:
  // Asks the operators of `model` what they do, now; with learned patterns, under what is learned
  // so far. Fills the attested fields of the result.
  Status AttestTrial(AttestRequest request, Bert& model, std::optional<LearnedRun>& learned,
                     TrialResult* result);

  // The most recently used few by key, newest first.
  template <typename T>
  struct Recent {
    std::list<std::pair<std::string, std::shared_ptr<T>>> items;
    std::shared_ptr<T> Find(const std::string& key);
    void Put(const std::string& key, std::shared_ptr<T> value);
  };

  // The texts of a trial with all that its plan needs of them.
  Result<std::shared_ptr<TrialTexts>> Texts(const TrialSpec& spec, const Plan& plan,
                                            const std::string& key, int64_t train, int64_t dev,
                                            const std::shared_ptr<const Checkpoint>& checkpoint,
                                            TrialObserver& observer);

  TrainerOptions options_;
  HashCache hashes_;
  Recent<const Checkpoint> checkpoints_;   // by model fingerprint
  Recent<const TokenizedData> tokenized_;  // by model and data fingerprint and max_length
  Recent<TrialTexts> texts_;               // the same, where masks needed texts
  Parser parser_;
  MaskCache masks_;
};

}  // namespace sparsweep
