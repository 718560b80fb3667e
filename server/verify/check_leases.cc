// The event log beside the attempts: a trial has one lease at a time, and what the log says last of
// an attempt is what the table says.
#include <map>

#include "server/verify/checks.h"

namespace sparsweep {
namespace {

struct AttemptRow {
  TrialId trial = 0;
  int64_t number = 0;
  std::string state;
};

class LeaseCheck {
 public:
  explicit LeaseCheck(Examination& examination)
      : x_(examination),
        events_(x_.db.Prepare(
            "SELECT trial_id, attempt, state, id FROM event WHERE type = 'attempt' AND trial_id IN "
            "(SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) ORDER BY trial_id, id")),
        attempts_(x_.db.Prepare(
            "SELECT trial_id, number, state FROM attempt WHERE trial_id IN "
            "(SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) ORDER BY trial_id, number")) {
    events_.Bind(x_.verdict.sweep);
    attempts_.Bind(x_.verdict.sweep);
    NextAttempt();
  }

  void Run() {
    while (events_.Step()) {
      if (const TrialId trial = events_.Int(0); trial != trial_) {
        EndTrial();
        AttemptsBefore(trial);
        trial_ = trial;
      }
      Take(events_.Int(1), events_.Text(2), events_.Int(3));
    }
    EndTrial();
    AttemptsBefore(std::nullopt);
  }

 private:
  void NextAttempt() {
    attempt_.reset();
    if (attempts_.Step()) attempt_ = AttemptRow{attempts_.Int(0), attempts_.Int(1), attempts_.Text(2)};
  }

  void Take(int64_t number, const std::string& state, int64_t event) {
    if (state == "running") {
      if (live_ != 0 && live_ != number) {
        x_.Report("overlapping_lease", {}, trial_,
                  "attempt " + std::to_string(number) + " was leased while attempt " +
                      std::to_string(live_) + " was (event " + std::to_string(event) + ")");
      }
      live_ = number;
    } else if (live_ == number) {
      live_ = 0;
    }
    states_[number] = state;
  }

  // What the log said of the trial's attempts, against the table.
  void EndTrial() {
    for (; attempt_ && attempt_->trial == trial_; NextAttempt()) {
      const auto logged = states_.find(attempt_->number);
      if (logged == states_.end()) {
        Unlogged();
      } else if (logged->second != attempt_->state) {
        x_.Report("wrong_attempt", {}, trial_,
                  "attempt " + std::to_string(attempt_->number) + " is " + attempt_->state +
                      "; the event log says " + logged->second);
      }
      if (logged != states_.end()) states_.erase(logged);
    }
    for (const auto& [number, state] : states_) {
      x_.Report("wrong_attempt", {}, trial_,
                "the event log has attempt " + std::to_string(number) + " and the table has not");
    }
    states_.clear();
    live_ = 0;
  }

  void AttemptsBefore(std::optional<TrialId> trial) {
    for (; attempt_ && (!trial || attempt_->trial < *trial); NextAttempt()) Unlogged();
  }

  void Unlogged() {
    x_.Report("wrong_attempt", {}, attempt_->trial,
              "attempt " + std::to_string(attempt_->number) + " is not in the event log");
  }

  Examination& x_;
  Statement events_, attempts_;
  std::optional<AttemptRow> attempt_;
  TrialId trial_ = 0;
  int64_t live_ = 0;  // the attempt that holds the trial, by the log
  std::map<int64_t, std::string> states_;
};

}  // namespace

void CheckLeases(Examination& examination) { LeaseCheck(examination).Run(); }

}  // namespace sparsweep
