// The real store under the simulation: server/store's Writer, LoadState and server/verify on a
// SQLite file of its own, which is killed, filled up and denied its syncs (failing_disk.h).
//
// What is opaque to the scheduler is made up here: specs are all alike, and a result is a real one
// that carries the simulation's word as its device.
#pragma once

#include <memory>
#include <random>
#include <string>

#include "server/store/file.h"
#include "server/store/writer.h"
#include "tests/scheduler/simulation/simulation.h"

namespace sparsweep::testing {

class RealStore : public Mirror {
 public:
  // In memory where there is any (/dev/shm). `seed`: of where in a batch it fails.
  explicit RealStore(uint64_t seed);
  ~RealStore() override;

  Law Commit(const std::vector<Effect>& effects, Instant now) override;
  Law Fail(const std::vector<Effect>& effects, Failure how, Instant now) override;
  Law Mend() override;
  Law Kill() override;
  StoredState Read(Instant now) override;
  Law Compare(const StoreModel& store) override;

 private:
  void Open();
  // The first of the effects, as many as there are; what came of it.
  Status Write(const std::vector<Effect>& effects, size_t many, Instant now);
  // Of the sweeps that have finished, as the server does it.
  Status StoreDigests(Instant now);
  Law BrokenDigest(SweepId sweep);
  Law Verify();

  std::mt19937_64 random_;
  std::string folder_;
  int kills_ = 0;
  std::unique_ptr<StoreFile> file_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace sparsweep::testing
