#include "trainer/infer_run.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/measured.h"
#include "trainer/phases.h"

namespace sparsweep {
namespace {

class Infer {
 public:
  explicit Infer(const RunContext& run) : run_(run), grid_(*run.spec.infer) {}

  std::variant<TrialResult, Failure> Run() {
    std::map<int64_t, int64_t> counts;
    for (int64_t length : grid_.lengths)
      counts[length] = *std::ranges::max_element(grid_.batch_sizes);
    if (auto failure = Measured::Make(run_, counts, &measured_, &result_)) return *failure;
    Stopwatch watch;
    for (const Way& way : measured_->ways()) {
      for (int64_t batch : grid_.batch_sizes) {
        for (int64_t length : grid_.lengths) {
          run_.observer.OnPhase("measure", 0, 0);
          if (run_.observer.Cancelled()) return Interrupted();
          AddRow(way, length, batch);
        }
      }
    }
    result_.eval_seconds = watch.Lap();
    if (!largest_) {
      return Failure{FailureReason::kOutOfMemory,
                     "no length and batch size fits in memory; ask for smaller ones"};
    }
    const auto& values = result_.measurements[*largest_].values;
    result_.metric = "latency_ms";
    result_.value = values.at("latency_ms_p50");
    result_.metrics = {{"latency_ms", result_.value},
                       {"tokens_per_second", values.at("tokens_per_second")}};
    DescribeMeasured(run_, measured_->device(), &result_);
    return result_;
  }

 private:
  void AddRow(const Way& way, int64_t length, int64_t batch) {
    MeasurementRow row{length, batch, measured_->Paths(way), false, {}};
    row.out_of_memory =
        !FitsInMemory(measured_->device(), [&] { row.values = Passes(way, length, batch); });
    result_.measurements.push_back(std::move(row));
    if (!way.prefix.empty()) return;
    if (result_.measurements.back().out_of_memory) {
      result_.warnings.push_back("batch size " + std::to_string(batch) + " x " +
                                 std::to_string(length) + " tokens ran out of memory");
      return;
    }
    if (!largest_ || length * batch > tokens_) {
      largest_ = result_.measurements.size() - 1;
      tokens_ = length * batch;
    }
  }

  std::map<std::string, double> Passes(const Way& way, int64_t length, int64_t count) {
    c10::InferenceMode inference;
    const Batch batch = measured_->Examples(length, count);
    MemoryMeter& meter = measured_->meter();
    const int64_t base = meter.live();
    meter.ResetPeak();
    std::vector<double> times;
    for (int64_t pass = -grid_.warmup; pass < grid_.repetitions; ++pass) {
      // Made anew as for a batch that comes in: what it derives from the masks is part of the work.
      const double time = Milliseconds(measured_->device(), [&] {
        AttentionBatch attention = measured_->Attention(batch, way, Phase::kEvaluation);
        measured_->model().Logits(batch, attention, Pass{});
      });
      if (pass >= 0) times.push_back(time);
    }
    std::map<std::string, double> values;
    values["latency_ms_p50"] = Percentile(times, 0.5);
    values["latency_ms_p90"] = Percentile(times, 0.9);
    values["latency_ms_p99"] = Percentile(times, 0.99);
    double sum = 0;
    for (double time : times) sum += time;
    values["latency_ms_mean"] = sum / static_cast<double>(times.size());
    values["tokens_per_second"] =
        static_cast<double>(length * count) / values["latency_ms_p50"] * 1000;
    values["examples_per_second"] = static_cast<double>(count) / values["latency_ms_p50"] * 1000;
    values["model_bytes"] = static_cast<double>(measured_->model_bytes());
    values["activation_bytes"] = static_cast<double>(meter.peak() - base);
    return values;
  }

  const RunContext& run_;
  const InferGrid& grid_;
  TrialResult result_;
  std::unique_ptr<Measured> measured_;
  std::optional<size_t> largest_;  // the row of the most tokens that fits
  int64_t tokens_ = 0;
};

}  // namespace

std::variant<TrialResult, Failure> RunInfer(const RunContext& run) { return Infer(run).Run(); }

}  // namespace sparsweep
