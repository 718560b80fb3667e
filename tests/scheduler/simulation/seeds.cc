#include "tests/scheduler/simulation/seeds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace sparsweep::testing {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

SimulationOptions OptionsOf(uint64_t seed) {
  return {.seed = seed, .workers = 3 + static_cast<int>(seed % 3)};
}

void ExpectLawsHold(const char* variable, uint64_t seeds,
                    const std::function<SimulationOutcome(SimulationOptions)>& run) {
  const uint64_t only = FromEnvironment("SPARSWEEP_SIM_SEED", 0);
  const uint64_t last = only != 0 ? only : FromEnvironment(variable, seeds);
  std::atomic<uint64_t> next = only != 0 ? only : 1;
  std::mutex mutex;
  std::map<std::string, int> happened;  // by mutex, like what follows
  Encounters encounters;
  std::map<uint64_t, std::string> broken;
  int64_t fewest_trials = 1000000;
  const auto work = [&] {
    for (uint64_t seed = next++; seed <= last; seed = next++) {
      const SimulationOutcome outcome = run(OptionsOf(seed));
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
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  for (const auto& [seed, law] : broken) {
    ADD_FAILURE() << law << "\nreplay: SPARSWEEP_SIM_SEED=" << seed << " scheduler_simulation"
                  << " --gtest_filter=" << test->test_suite_name() << "." << test->name();
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

}  // namespace sparsweep::testing
