// The parts of VerifySweep (verify.h), one file each. Private to this folder.
#pragma once

#include <utility>

#include "core/sweep_spec.h"
#include "server/verify/verify.h"

namespace sparsweep {

// One sweep under examination.
struct Examination {
  Database& db;
  const VerifyOptions& options;
  SweepVerdict verdict;

  void Report(std::string kind, std::optional<int64_t> cell, TrialId trial, std::string message) {
    ++verdict.findings;
    if (options.on_finding) {
      options.on_finding({std::move(kind), verdict.sweep, cell, trial, std::move(message)});
    }
  }
};

// Cells and their trials against the grid of `spec`, for the indices below `end` (nullopt: all).
void CheckGrid(Examination& examination, const SweepSpec& spec, std::optional<uint64_t> end);

// Each trial of the sweep: its identity, its state against its attempts and result, its masks.
// `ended`: the sweep says that all of its trials have.
void CheckTrials(Examination& examination, bool ended);

// The event log and the attempts: never two leases at a time.
void CheckLeases(Examination& examination);

}  // namespace sparsweep
