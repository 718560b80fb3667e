// Ten thousand clusters, each from one seed. SPARSWEEP_SIM_SEEDS sets how many; SPARSWEEP_SIM_SEED
// replays one. A failure prints its seed; the table at the end says how often each fault met each
// state.
#include "tests/scheduler/simulation/simulation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace sparsweep::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSeeds = 500;
#else
constexpr uint64_t kSeeds = 10000;
#endif

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

SimulationOptions OptionsOf(uint64_t seed) {
  return {.seed = seed, .workers = 3 + static_cast<int>(seed % 3)};
}

TEST(Simulation, LawsHoldWhateverFails) {
  const uint64_t only = FromEnvironment("SPARSWEEP_SIM_SEED", 0);
  const uint64_t last = only != 0 ? only : FromEnvironment("SPARSWEEP_SIM_SEEDS", kSeeds);
  std::atomic<uint64_t> next = only != 0 ? only : 1;
  std::mutex mutex;
  std::map<std::string, int> happened;  // by mutex, like what follows
  Encounters encounters;
  std::map<uint64_t, std::string> broken;
  int64_t fewest_trials = 1000000;
  const auto work = [&] {
    for (uint64_t seed = next++; seed <= last; seed = next++) {
      const SimulationOutcome outcome = Simulate(OptionsOf(seed));
      const std::lock_guard lock(mutex);
      if (outcome.broken) {
        broken[seed] = *outcome.broken;
        next = last + 1;
        return;
      }
      encounters.Add(outcome.encounters);
      fewest_trials = std::min(fewest_trials, outcome.trials);
      for (const auto& [name, times] : outcome.happened) happened[name] += times;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  for (const auto& [seed, law] : broken) {
    ADD_FAILURE() << law << "\nreplay: SPARSWEEP_SIM_SEED=" << seed
                  << " scheduler_simulation --gtest_filter=Simulation.LawsHoldWhateverFails";
  }
  if (!broken.empty()) return;
  for (const auto& [name, times] : happened) std::printf("%9d  %s\n", times, name.c_str());
  std::printf("%s", encounters.Table().c_str());
  if (only != 0) return;
  EXPECT_GE(fewest_trials, 20);
  if (last >= 500) {
    EXPECT_EQ(encounters.Missing(300), "");
  }
}

TEST(Simulation, SameSeedIsTheSameRun) {
  EXPECT_EQ(Simulate(OptionsOf(7)).happened, Simulate(OptionsOf(7)).happened);
  EXPECT_EQ(Simulate(OptionsOf(8)).encounters, Simulate(OptionsOf(8)).encounters);
}

}  // namespace
}  // namespace sparsweep::testing
