// Kinds profile and infer: the allocator's counters, the fit, and whole trials of both.
#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "tests/trainer/models.h"
#include "trainer/measured.h"
#include "trainer/memory_meter.h"
#include "trainer/trial_run.h"

namespace sparsweep {
namespace {

TEST(MemoryMeter, CountsTensorsToTheByte) {
  at::Tensor older = at::zeros({1000});
  MemoryMeter meter(at::kCPU);
  EXPECT_EQ(meter.live(), 0);
  at::Tensor a = at::zeros({1000});
  EXPECT_EQ(meter.live(), 4000);
  at::Tensor view = a.narrow(0, 10, 20);
  EXPECT_EQ(meter.live(), 4000) << "a view has no memory of its own";
  { at::Tensor b = at::empty({500}, at::kDouble); }
  EXPECT_EQ(meter.live(), 4000);
  EXPECT_EQ(meter.peak(), 8000);
  older.reset();
  EXPECT_EQ(meter.live(), 4000) << "made before the meter";
  meter.ResetPeak();
  EXPECT_EQ(meter.peak(), 4000);
  a.reset();
  view.reset();
  EXPECT_EQ(meter.live(), 0);
}

TEST(MemoryMeter, TensorsOutliveIt) {
  at::Tensor kept;
  {
    MemoryMeter meter(at::kCPU);
    kept = at::ones({64});
  }
  MemoryMeter next(at::kCPU);
  kept = at::Tensor();
  EXPECT_EQ(next.live(), -256);
}

TEST(MemoryMeter, RefusesWhatExceedsItsLimit) {
  MemoryMeter meter(at::kCPU, 10'000);
  at::Tensor fits = at::empty({2000});
  try {
    at::Tensor more = at::empty({1000});
    ADD_FAILURE() << "8,000 and 4,000 bytes are more than 10,000";
  } catch (const c10::OutOfMemoryError& error) {
    EXPECT_NE(std::string(error.what()).find("4000 bytes beside 8000 exceed the limit of 10000"),
              std::string::npos)
        << error.what();
  }
  EXPECT_EQ(meter.live(), 8000);
  EXPECT_FALSE(FitsInMemory(at::kCPU, [] { at::empty({100'000}); }));
  EXPECT_TRUE(FitsInMemory(at::kCPU, [] { at::empty({100}); }));
}

TEST(Percentile, LiesBetweenTheNearest) {
  EXPECT_EQ(Percentile({4, 1, 3}, 0.5), 3);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Percentile({0, 10}, 0.9), 9);
  EXPECT_EQ(Percentile({7}, 0.99), 7);
}

class Silent : public TrialObserver {
 public:
  void OnPhase(const std::string& phase, int64_t, int64_t) override { phases.push_back(phase); }
  void OnStep(const StepReport&) override {}
  void OnEvaluation(int64_t, double, const Metrics&) override {}
  bool Cancelled() override { return cancelled; }
  std::vector<std::string> phases;
  bool cancelled = false;
};

class Measuring : public testing::Test {
 protected:
  void SetUp() override { SPARSWEEP_NEEDS(TestModel("bert-tiny")); }

  static TrialSpec Spec(const std::string& kind, const std::string& attention) {
    TrialSpec spec;
    spec.kind = kind;
    spec.model = "bert-tiny";
    spec.attention = attention;
    spec.layers = spec.heads = 2;
    spec.training.max_length = 256;
    spec.seed = 1;
    spec.device = "cpu";
    if (kind == "profile") spec.profile = ProfileGrid{{64, 128, 256}, 512};
    if (kind == "infer") spec.infer = InferGrid{{16, 32}, {1, 2}, 3, 1};
    return spec;
  }
  std::variant<TrialResult, Failure> Run(TrialSpec spec, int64_t memory_limit = 0) {
    TrainerOptions options{Catalog::DefaultFolder()};
    options.memory_limit = memory_limit;
    TrialRunner runner(options);
    const Status filled = runner.FillFingerprints(&spec);
    EXPECT_TRUE(filled.ok()) << filled.message();
    return runner.Run(spec, "attempt", observer_);
  }
  TrialResult Succeed(const TrialSpec& spec, int64_t memory_limit = 0) {
    auto outcome = Run(spec, memory_limit);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      ADD_FAILURE() << failure->message;
      return {};
    }
    return std::get<TrialResult>(outcome);
  }
  std::string Fail(const TrialSpec& spec, int64_t memory_limit = 0) {
    auto outcome = Run(spec, memory_limit);
    auto* failure = std::get_if<Failure>(&outcome);
    return failure ? FailureReasonName(failure->reason) + (": " + failure->message) : "none";
  }
  Silent observer_;
};

// Parameters of bert-tiny with its pooler and a classifier of two classes, 256 positions.
constexpr double kWeights = 128.0 * (30522 + 256 + 2) + 2 * 128 +
                            2 * (4 * (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128 + 4 * 128) +
                            128 * 128 + 128 + 2 * 128 + 2;

TEST_F(Measuring, ProfileSplitsMemoryIntoModelOptimizerAndActivations) {
  const TrialResult result = Succeed(Spec("profile", "dense"));
  ASSERT_EQ(result.measurements.size(), 6u) << "three lengths, two ways";
  for (const MeasurementRow& row : result.measurements) {
    const auto& values = row.values;
    EXPECT_FALSE(row.out_of_memory);
    EXPECT_EQ(row.length * row.batch, 512);
    EXPECT_EQ(values.at("model_bytes"), 4 * kWeights);
    // A gradient and two moments of each weight, and one counter of steps per tensor.
    EXPECT_NEAR(values.at("optimizer_bytes"), 12 * kWeights, 4 * 60);
    EXPECT_GT(values.at("saved_bytes"), 0);
    EXPECT_GE(values.at("activation_bytes"), values.at("saved_bytes"));
    EXPECT_GE(values.at("peak_bytes"), values.at("model_bytes") + values.at("activation_bytes"));
    for (const char* time : {"forward_ms", "backward_ms", "optimizer_ms"}) {
      EXPECT_GT(values.at(time), 0) << time;
    }
    EXPECT_NEAR(values.at("linear_bytes") + values.at("quadratic_bytes"),
                values.at("activation_bytes"), 0.1 * values.at("activation_bytes"));
  }
  EXPECT_EQ(result.measurements[0].path, "dense");
  EXPECT_EQ(result.measurements[5].path, "portable dense");
  EXPECT_EQ(result.metric, "peak_bytes");
  EXPECT_EQ(result.value, result.measurements[2].values.at("peak_bytes")) << "of the longest";
  EXPECT_EQ(result.masks.size(), 4u);
  EXPECT_EQ(result.attestation_root.size(), 64u);
  EXPECT_EQ(observer_.phases[4], "attest");
}

TEST_F(Measuring, TheSameTrialTakesTheSameBytes) {
  const TrialResult first = Succeed(Spec("profile", "heads 1: window(2)"));
  const TrialResult again = Succeed(Spec("profile", "heads 1: window(2)"));
  ASSERT_EQ(first.measurements.size(), again.measurements.size());
  for (size_t i = 0; i < first.measurements.size(); ++i) {
    for (const char* name : {"model_bytes", "optimizer_bytes", "activation_bytes", "saved_bytes"}) {
      EXPECT_EQ(first.measurements[i].values.at(name), again.measurements[i].values.at(name));
    }
  }
}

// BlockBERT, section 3.2: the quadratic part goes with 1 / n, the linear one stays.
TEST_F(Measuring, BlocksDivideTheQuadraticPartByTheirNumber) {
  TrialSpec spec = Spec("profile", "block(2)");
  spec.training.dropout = 0;
  const auto two = Succeed(spec).metrics;
  spec.attention = "block(4)";
  const auto four = Succeed(spec).metrics;
  EXPECT_GT(two.at("portable_fit_r2"), 0.99);
  EXPECT_NEAR(four.at("portable_quadratic_bytes_per_length") /
                  two.at("portable_quadratic_bytes_per_length"),
              0.5, 0.05);
  EXPECT_NEAR(four.at("portable_linear_bytes") / two.at("portable_linear_bytes"), 1, 0.05);
}

TEST_F(Measuring, OutOfMemoryIsARowOfTheResult) {
  TrialSpec spec = Spec("profile", "dense");
  spec.profile = ProfileGrid{{64, 256}, 4096};  // more activations than weights
  const auto whole = Succeed(spec);
  const auto bytes = [&](size_t row) { return whole.measurements[row].values.at("peak_bytes"); };
  for (size_t row : {0, 1, 2}) ASSERT_LT(bytes(row), bytes(3)) << "the whole matrix takes most";
  const double most = std::max({bytes(0), bytes(1), bytes(2)});
  const auto limited = Succeed(spec, static_cast<int64_t>((most + bytes(3)) / 2));
  ASSERT_EQ(limited.measurements.size(), 4u);
  EXPECT_FALSE(limited.measurements[2].out_of_memory);
  EXPECT_TRUE(limited.measurements[3].out_of_memory);
  EXPECT_TRUE(limited.measurements[3].values.empty());
  EXPECT_EQ(limited.measurements[2].values.at("activation_bytes"),
            whole.measurements[2].values.at("activation_bytes"));
}

TEST_F(Measuring, WhereNothingFitsTheTrialFails) {
  EXPECT_EQ(Fail(Spec("profile", "dense"), static_cast<int64_t>(16 * kWeights) + 100'000),
            "out_of_memory: no length of the profile fits in memory; lower its tokens");
  TrialSpec large = Spec("infer", "dense");
  large.infer = InferGrid{{256}, {64}, 2, 0};
  EXPECT_EQ(Fail(large, static_cast<int64_t>(8 * kWeights)),
            "out_of_memory: no length and batch size fits in memory; ask for smaller ones");
}

TEST_F(Measuring, InferHasLatenciesOfEveryPoint) {
  const TrialResult result = Succeed(Spec("infer", "layer 0: block(2)"));
  ASSERT_EQ(result.measurements.size(), 8u);
  EXPECT_EQ(result.measurements[1].length, 32);
  EXPECT_EQ(result.measurements[1].batch, 1);
  EXPECT_EQ(result.measurements[3].batch, 2);
  EXPECT_EQ(result.measurements[0].path, "block+dense");
  for (const MeasurementRow& row : result.measurements) {
    const auto& values = row.values;
    EXPECT_GT(values.at("latency_ms_p50"), 0);
    EXPECT_LE(values.at("latency_ms_p50"), values.at("latency_ms_p90"));
    EXPECT_LE(values.at("latency_ms_p90"), values.at("latency_ms_p99"));
    EXPECT_DOUBLE_EQ(values.at("tokens_per_second"), static_cast<double>(row.length * row.batch) /
                                                         values.at("latency_ms_p50") * 1000);
  }
  EXPECT_EQ(result.metric, "latency_ms");
  EXPECT_EQ(result.value, result.measurements[3].values.at("latency_ms_p50"));
}

TEST_F(Measuring, RefusesWhatItCannotMeasure) {
  EXPECT_EQ(Fail(Spec("infer", "learned_window(max=8)")),
            "refused: a learned pattern needs training, and a sweep of kind \"infer\" trains "
            "nothing; write the degrees that were learned, such as window(4)");
  EXPECT_EQ(Fail(Spec("profile", "syntax(1)")),
            "refused: kind \"profile\" measures made-up token ids, and \"syntax(1)\" has a pattern "
            "of words; measure one of equal density, such as window(density=0.1)");
  TrialSpec keeps = Spec("infer", "dense");
  keeps.keep = "last";
  EXPECT_EQ(Fail(keeps),
            "refused: keep: kind \"infer\" leaves no weights of its own; leave it out");
  observer_.cancelled = true;
  EXPECT_EQ(Fail(Spec("infer", "dense")), "interrupted: the run was cancelled");
}

TEST_F(Measuring, ProfileTrainsLearnedPatternsToo) {
  const TrialResult result = Succeed(Spec("profile", "learned_window(max=8)"));
  EXPECT_EQ(result.measurements[0].path, "learned");
  EXPECT_GT(result.measurements[0].values.at("backward_ms"), 0);
}

}  // namespace
}  // namespace sparsweep
