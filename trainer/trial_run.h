// From a TrialSpec to a TrialResult: hands a trial to what its kind does (finetune_run.h), and
// keeps what the next trial can use (resident.h). Not here: the protocol (protocol.h). One thread.
#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include "attention/attention.h"
#include "core/trial.h"
#include "trainer/resident.h"
#include "trainer/train.h"

namespace sparsweep {

struct TrainerOptions {
  std::filesystem::path data_folder;
  int threads = 1;
  PathChoice path = PathChoice::kAuto;
  Implementation implementation = Implementation::kAuto;
  std::string device = "auto";  // all it may use; a trial that asks for another is refused
  std::filesystem::path kept_folder = {};  // where kept weights wait; empty: DATA/cache/kept
  int64_t memory_limit = 0;  // bytes of tensors of kinds that measure, on the CPU; 0: what is free
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
      : options_(std::move(options)), resident_(options_.data_folder) {
    if (options_.kept_folder.empty()) {
      options_.kept_folder = options_.data_folder / "cache" / "kept";
    }
  }

  // Exceptions of LibTorch pass through (out of memory, bugs): the caller ends the process.
  std::variant<TrialResult, Failure> Run(const TrialSpec& spec, const std::string& attempt,
                                         TrialObserver& observer);

  // Sets the fingerprints of a spec that has none: for one-off runs, where nobody else did.
  Status FillFingerprints(TrialSpec* spec);

 private:
  TrainerOptions options_;
  Resident resident_;
};

}  // namespace sparsweep
