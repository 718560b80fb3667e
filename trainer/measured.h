// What the kinds that measure have in common (profile_run.h, infer_run.h): a trial's model and
// masks over examples with made-up token ids, so many of each length, attested like any other; and
// what a point of their grids is wrapped in. The trial's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/bert.h"
#include "trainer/learned_run.h"
#include "trainer/memory_meter.h"
#include "trainer/prepare.h"

namespace sparsweep {

// Kinds of implementation that are measured: what trials run on this device, and on the CPU
// LibTorch's operators too, as other programs attend.
struct Way {
  Implementation implementation;
  std::string prefix;  // of metrics and paths: "" or "portable"
};

class Measured {
 public:
  // `counts`: length -> examples. All phases up to attest; fills what a result says of them.
  static MaybeFailure Make(const RunContext& run, const std::map<int64_t, int64_t>& counts,
                           std::unique_ptr<Measured>* made, TrialResult* result);
  Measured(const Measured&) = delete;

  Bert& model() { return *model_; }
  LearnedRun* learned() { return learned_ ? &*learned_ : nullptr; }
  // Counts from just before the model was made.
  MemoryMeter& meter() { return *meter_; }
  int64_t model_bytes() const { return model_bytes_; }
  at::Device device() const { return prepared_->device; }
  const std::vector<Way>& ways() const { return ways_; }
  // The first `count` examples of this length.
  Batch Examples(int64_t length, int64_t count) const;
  AttentionBatch Attention(const Batch& batch, const Way& way, Phase phase) const;
  // Attention paths of the model's heads, "block+dense", under a way.
  std::string Paths(const Way& way) const;

 private:
  explicit Measured(const RunContext& run) : run_(run), prepared_(std::make_unique<Prepared>()) {}
  MaybeFailure MakeExamples(const std::map<int64_t, int64_t>& counts);
  MaybeFailure MakeModel(TrialResult* result);
  MaybeFailure Attest(TrialResult* result);

  RunContext run_;
  std::unique_ptr<Prepared> prepared_;
  std::map<int64_t, int64_t> first_;  // length -> its first example
  std::vector<Way> ways_;
  std::unique_ptr<MemoryMeter> meter_;
  int64_t model_bytes_ = 0;
  std::unique_ptr<Bert> model_;
  std::optional<LearnedRun> learned_;
};

// Milliseconds of a piece of work, all of it: a device's queue is waited for.
double Milliseconds(at::Device device, const std::function<void()>& work);

// Runs `point`; false where memory ran out in it, which is then free again.
bool FitsInMemory(at::Device device, const std::function<void()>& point);

// Of at least one value: share p of them are at most this, on the line between the two nearest.
double Percentile(std::vector<double> values, double p);

// The end of each of these kinds: what describes the run.
void DescribeMeasured(const RunContext& run, at::Device device, TrialResult* result);

}  // namespace sparsweep
