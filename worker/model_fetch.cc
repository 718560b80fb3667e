#include "worker/model_fetch.h"

#include <boost/asio/post.hpp>

#include "worker/model_files.h"
#include "worker/retry.h"

namespace sparsweep {

void ModelFetch::Begin(const RunTrial& trial) {
  held_[trial.slot] = trial.attempt;
  FetchNext(trial);
}

bool ModelFetch::Cancel(const CancelTrial& cancel) {
  if (!Forget(cancel.slot)) return false;
  const TrainerFailed failed{cancel.attempt, FailureReason::kInterrupted, "the run was cancelled"};
  boost::asio::post(io_, [this, slot = cancel.slot, failed] { events_.on_failed(slot, failed); });
  return true;
}

void ModelFetch::FetchNext(const RunTrial& trial) {
  const auto held = held_.find(trial.slot);
  if (held == held_.end() || held->second != trial.attempt) return;  // stopped in the meantime
  const auto missing = MissingModelFiles(trial.trial_json, data_folder_);
  if (missing.empty()) {
    held_.erase(held);
    events_.on_ready(trial);
    return;
  }
  const BlobFile file = missing[0];
  Retry(
      io_, [this, file](StatusCallback done) { link_.GetFile(file, std::move(done)); },
      [this, trial, file](const Status& status) {
        if (status.ok()) return FetchNext(trial);
        const auto held = held_.find(trial.slot);
        if (held == held_.end() || held->second != trial.attempt) return;
        held_.erase(held);
        events_.on_failed(trial.slot, {trial.attempt, FailureReason::kRefused,
                                       "the model's " + file.path.filename().string() +
                                           " could not be fetched: " + status.message()});
      });
}

}  // namespace sparsweep
