// Proves from the database alone that a sweep is complete and unaltered (docs/database.md,
// "verify"): its grid is expanded again from the stored spec and compared, row by row, with what
// is stored and accepted; masks are recomputed from the plans; the event log is searched for
// leases that overlap; the finished sweep's digest is recomputed.
//
// Reads only, also beside a server that writes: everything is seen in one read transaction. Memory
// is that of the grid (core/grid.h), never the cells. Any thread; may throw SqliteError, which
// ReaderPool::ReadNow catches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/trial.h"
#include "scheduler/ids.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// One thing that is not as it must be.
struct Finding {
  // missing_cell, extra_cell, wrong_cell, missing_trial, extra_trial, wrong_identity, wrong_order,
  // wrong_spec, missing_result, wrong_result, wrong_mask, wrong_attempt, overlapping_lease, ledger,
  // digest, damaged
  std::string kind;
  SweepId sweep = 0;            // 0: of the file as a whole
  std::optional<int64_t> cell;
  TrialId trial = 0;
  std::string message;  // one sentence
};

struct SweepVerdict {
  SweepId sweep = 0;
  std::string name, state;
  int64_t cells = 0, aliases = 0, trials = 0;  // as the grid has them, so far as it is expanded
  std::map<std::string, int64_t> states;       // trials by state
  int64_t masks_recomputed = 0;                         // accepted results
  std::map<std::string, int64_t> masks_not_recomputed;  // why -> accepted results
  std::string digest;                          // of a finished sweep
  std::string note;                            // something to know that is no finding
  int64_t findings = 0;
};

struct VerifyOptions {
  std::function<void(const Finding&)> on_finding;
  // Who has the texts: gives what a trial must have attested, as in the result (masks, root, density,
  // tile_sparsity, lengths; paths and degrees are taken from it). None: such masks are counted only.
  std::function<Result<TrialResult>(const TrialSpec&, const TrialResult&)> recompute;
  int64_t now_ms = 0;        // a digest is given a minute to be stored
};

// kNotFound where there is no such sweep.
Result<SweepVerdict> VerifySweep(Database& db, SweepId sweep, const VerifyOptions& options);

// What concerns no single sweep: the file's own structure, rows without the rows they refer to.
// The number of findings.
int64_t VerifyFile(Database& db, const VerifyOptions& options);

}  // namespace sparsweep
