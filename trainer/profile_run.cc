#include "trainer/profile_run.h"

#include <ATen/ATen.h>

#include "core/statistics.h"
#include "trainer/measured.h"
#include "trainer/optimizer.h"
#include "trainer/phases.h"

namespace sparsweep {
namespace {

using Values = std::map<std::string, double>;

constexpr int kTimedSteps = 5;  // after the one whose memory is measured

std::string Named(const Way& way, const std::string& name) {
  return way.prefix.empty() ? name : way.prefix + "_" + name;
}

class Profile {
 public:
  explicit Profile(const RunContext& run) : run_(run), grid_(*run.spec.profile) {}

  std::variant<TrialResult, Failure> Run() {
    std::map<int64_t, int64_t> counts;
    for (int64_t length : grid_.lengths) counts[length] = grid_.tokens / length;
    if (auto failure = Measured::Make(run_, counts, &measured_, &result_)) return *failure;
    Stopwatch watch;
    if (MaybeFailure failure = Measure()) return *failure;
    result_.train_seconds = watch.Lap();
    DescribeMeasured(run_, measured_->device(), &result_);
    return result_;
  }

 private:
  MaybeFailure Measure() {
    LearnedRun* const learned = measured_->learned();
    MemoryMeter& meter = measured_->meter();
    const int64_t before = meter.live();
    AdamW optimizer(measured_->model().parameters(), run_.spec.training.weight_decay,
                    learned ? learned->degrees().parameters() : std::vector<at::Tensor>());
    ZeroGradients();
    optimizer_bytes_ = meter.live() - before;
    DropGradients();
    for (const Way& way : measured_->ways()) {
      std::vector<MeasurementRow> rows;
      for (int64_t length : grid_.lengths) {
        run_.observer.OnPhase("measure", 0, 0);
        if (run_.observer.Cancelled()) return Interrupted();
        MeasurementRow row{length, grid_.tokens / length, measured_->Paths(way), false, {}};
        row.out_of_memory = !FitsInMemory(
            measured_->device(), [&] { row.values = Steps(way, length, row.batch, optimizer); });
        DropGradients();
        rows.push_back(std::move(row));
      }
      Fit(way, &rows);
      if (way.prefix.empty()) {
        if (MaybeFailure failure = SetPrimary(rows)) return failure;
      }
      for (MeasurementRow& row : rows) result_.measurements.push_back(std::move(row));
    }
    return {};
  }

  void ZeroGradients() {
    for (Parameter& parameter : measured_->model().parameters()) {
      if (!parameter.value.requires_grad()) continue;
      parameter.value.mutable_grad() = at::zeros_like(parameter.value.detach());
    }
  }
  void DropGradients() {
    for (Parameter& parameter : measured_->model().parameters()) {
      parameter.value.mutable_grad().reset();
    }
  }

  at::Tensor Loss(const Batch& batch, AttentionBatch& attention, uint32_t step) {
    const Pass pass{run_.spec.seed, step, DropoutStream::Threshold(run_.spec.training.dropout)};
    return at::cross_entropy_loss(measured_->model().Logits(batch, attention, pass), batch.labels);
  }

  // A step for the memory, then those for the time.
  Values Steps(const Way& way, int64_t length, int64_t count, AdamW& optimizer) {
    const at::Device device = measured_->device();
    MemoryMeter& meter = measured_->meter();
    const Batch batch = measured_->Examples(length, count);
    Values values;
    {
      AttentionBatch attention = measured_->Attention(batch, way, Phase::kTraining);
      const int64_t base = meter.live();
      meter.ResetPeak();
      at::Tensor loss = Loss(batch, attention, 0);
      values["saved_bytes"] = static_cast<double>(meter.live() - base);
      values["activation_bytes"] = static_cast<double>(meter.peak() - base);
      loss.backward();
      optimizer.Step(0, run_.spec.training.clip);
      values["model_bytes"] = static_cast<double>(measured_->model_bytes());
      values["optimizer_bytes"] = static_cast<double>(optimizer_bytes_);
      values["peak_bytes"] = static_cast<double>(meter.peak());
    }
    std::map<std::string, std::vector<double>> times;
    for (uint32_t step = 1; step <= kTimedSteps; ++step) {
      AttentionBatch attention = measured_->Attention(batch, way, Phase::kTraining);
      at::Tensor loss;
      times["forward_ms"].push_back(
          Milliseconds(device, [&] { loss = Loss(batch, attention, step); }));
      times["backward_ms"].push_back(Milliseconds(device, [&] { loss.backward(); }));
      // At rate 0: the weights stay as they are, the work is the same.
      times["optimizer_ms"].push_back(
          Milliseconds(device, [&] { optimizer.Step(0, run_.spec.training.clip); }));
      times["step_ms"].push_back(times["forward_ms"].back() + times["backward_ms"].back() +
                                 times["optimizer_ms"].back());
    }
    for (auto& [name, all] : times) values[name] = Percentile(all, 0.5);
    values["tokens_per_second"] = static_cast<double>(grid_.tokens) / values["step_ms"] * 1000;
    return values;
  }

  // At constant tokens a * tokens + b * tokens * length is a line in the length.
  void Fit(const Way& way, std::vector<MeasurementRow>* rows) {
    std::vector<std::pair<double, double>> points;
    for (const MeasurementRow& row : *rows) {
      if (row.out_of_memory) continue;
      points.push_back({static_cast<double>(row.length), row.values.at("activation_bytes")});
    }
    const auto line = FitLine(points);
    if (!line) return;
    result_.metrics[Named(way, "linear_bytes")] = line->intercept;
    result_.metrics[Named(way, "quadratic_bytes_per_length")] = line->slope;
    result_.metrics[Named(way, "fit_r2")] = line->r2;
    for (MeasurementRow& row : *rows) {
      if (row.out_of_memory) continue;
      row.values["linear_bytes"] = line->intercept;
      row.values["quadratic_bytes"] = line->slope * static_cast<double>(row.length);
    }
  }

  // Memory of training at the longest length that fits.
  MaybeFailure SetPrimary(const std::vector<MeasurementRow>& rows) {
    const MeasurementRow* longest = nullptr;
    for (const MeasurementRow& row : rows) {
      if (row.out_of_memory) {
        result_.warnings.push_back("length " + std::to_string(row.length) + " x " +
                                   std::to_string(row.batch) + " ran out of memory");
      } else if (!longest || row.length > longest->length) {
        longest = &row;
      }
    }
    if (!longest) {
      return Failure{FailureReason::kOutOfMemory,
                     "no length of the profile fits in memory; lower its tokens"};
    }
    result_.metric = "peak_bytes";
    result_.value = longest->values.at("peak_bytes");
    result_.metrics["peak_bytes"] = result_.value;
    result_.metrics["activation_bytes"] = longest->values.at("activation_bytes");
    result_.metrics["step_ms"] = longest->values.at("step_ms");
    result_.metrics["length"] = static_cast<double>(longest->length);
    return {};
  }

  const RunContext& run_;
  const ProfileGrid& grid_;
  TrialResult result_;
  std::unique_ptr<Measured> measured_;
  int64_t optimizer_bytes_ = 0;
};

}  // namespace

std::variant<TrialResult, Failure> RunProfile(const RunContext& run) { return Profile(run).Run(); }

}  // namespace sparsweep
