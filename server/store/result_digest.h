// The digest of a finished sweep (docs/database.md, "The digest of a sweep"): SHA-256 over its spec,
// cells, trial identities, accepted results, metrics and attestation roots. Replicates, logs and
// events are outside it; a trial that the sweep dropped and another one runs is cancelled. A sweep that was stopped
// before its end has none: what is left of its trials is other sweeps' matter. `sparsweep verify` recomputes it with this function.
#pragma once

#include <string>

#include "scheduler/ids.h"
#include "server/store/sqlite.h"

namespace sparsweep {

// Inside a read transaction; may throw SqliteError (ReaderPool::Read catches it).
std::string ResultDigest(Database& db, SweepId sweep);

}  // namespace sparsweep
