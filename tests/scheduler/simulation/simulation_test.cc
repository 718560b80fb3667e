// Ten thousand clusters in memory and two hundred on the real store, each from one seed.
// SPARSWEEP_SIM_SEEDS and SPARSWEEP_SIM_STORE_SEEDS set how many; SPARSWEEP_SIM_SEED replays one.
#include "tests/scheduler/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <variant>

#include "tests/scheduler/simulation/real_store.h"
#include "tests/scheduler/simulation/seeds.h"

namespace sparsweep::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSeeds = 500, kStoreSeeds = 10;
#else
constexpr uint64_t kSeeds = 10000, kStoreSeeds = 200;
#endif

SimulationOutcome OnTheRealStore(SimulationOptions options) {
  RealStore store(options.seed);
  options.mirror = &store;
  return Simulate(options);
}

TEST(Simulation, LawsHoldWhateverFails) { ExpectLawsHold("SPARSWEEP_SIM_SEEDS", kSeeds); }

TEST(Simulation, LawsHoldOnTheRealStore) {
  ExpectLawsHold("SPARSWEEP_SIM_STORE_SEEDS", kStoreSeeds, OnTheRealStore);
}

TEST(Simulation, SameSeedIsTheSameRun) {
  EXPECT_EQ(Simulate(OptionsOf(7)).happened, Simulate(OptionsOf(7)).happened);
  EXPECT_EQ(Simulate(OptionsOf(8)).encounters, Simulate(OptionsOf(8)).encounters);
}

TEST(Simulation, SameSeedIsTheSameRunOnTheRealStore) {
  EXPECT_EQ(OnTheRealStore(OptionsOf(9)).encounters, OnTheRealStore(OptionsOf(9)).encounters);
}

// A store that loses one kind of effect, or keeps the batch whose commit it says has failed.
class BadStore : public RealStore {
 public:
  BadStore(uint64_t seed, size_t loses, bool keeps)
      : RealStore(seed), loses_(loses), keeps_(keeps) {}
  Law Commit(const std::vector<Effect>& effects, Instant now) override {
    std::vector<Effect> kept = effects;
    std::erase_if(kept, [&](const Effect& effect) { return effect.index() == loses_; });
    return RealStore::Commit(kept, now);
  }
  Law Fail(const std::vector<Effect>& effects, Failure how, Instant now) override {
    if (keeps_ && how == Failure::kCommitFailed) return RealStore::Commit(effects, now);
    return RealStore::Fail(effects, how, now);
  }

 private:
  const size_t loses_;
  const bool keeps_;
};

std::string FirstBroken(size_t loses, bool keeps) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    BadStore store(seed, loses, keeps);
    SimulationOptions options = OptionsOf(seed);
    options.mirror = &store;
    const SimulationOutcome outcome = Simulate(options);
    if (!outcome.broken) continue;
    std::printf("seed %d: %s\n", static_cast<int>(seed), outcome.broken->c_str());
    return *outcome.broken;
  }
  return "";
}

TEST(SimulationMutant, AStoreThatLosesAnyKindOfEffectIsSeen) {
  constexpr size_t kAnswer = std::variant_size_v<Effect> - 1;  // an Instruction is not stored
  ASSERT_EQ(Effect(Instruction()).index(), kAnswer);
  for (size_t kind = 0; kind < kAnswer; ++kind) EXPECT_NE(FirstBroken(kind, false), "") << kind;
}

TEST(SimulationMutant, AStoreThatKeepsWhatItSaysIsLostIsSeen) {
  EXPECT_NE(FirstBroken(std::variant_npos, true), "");
}

}  // namespace
}  // namespace sparsweep::testing
