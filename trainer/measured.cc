#include "trainer/measured.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/hardening.h"
#include "core/philox.h"
#include "trainer/attest_phase.h"
#include "trainer/masking.h"
#include "trainer/model_options.h"
#include "trainer/out_of_memory.h"
#include "trainer/set_up.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

// Token `place` of the stream of this seed, any but 0, which is padding.
int32_t MadeUpId(uint64_t seed, int64_t place, int vocab) {
  const auto words = Philox4x32(
      {static_cast<uint32_t>(place), static_cast<uint32_t>(place >> 32), kMadeUpIdStream << 24, 0},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return 1 + static_cast<int32_t>(words[0] % static_cast<uint32_t>(vocab - 1));
}

}  // namespace

MaybeFailure Measured::Make(const RunContext& run, const std::map<int64_t, int64_t>& counts,
                            std::unique_ptr<Measured>* made, TrialResult* result) {
  std::unique_ptr<Measured> measured(new Measured(run));
  const KindPhases phases{[&] { return measured->MakeExamples(counts); },
                          [&] { return measured->MakeModel(result); },
                          [&] { return measured->Attest(result); }};
  MaybeFailure failure = SetUp(run, measured->prepared_.get(), phases, result);
  if (!failure) *made = std::move(measured);
  return failure;
}

MaybeFailure Measured::MakeExamples(const std::map<int64_t, int64_t>& counts) {
  const TrialSpec& spec = run_.spec;
  const int max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return Refused(plan.status());
  if (plan->needs_text()) {
    return Refused(InvalidArgument(
        "kind \"" + spec.kind + "\" measures made-up token ids, and \"" + spec.attention +
        "\" has a pattern of words; measure one of equal density, such as window(density=0.1)"));
  }
  const int vocab = prepared_->checkpoint->config.vocab;
  auto data = std::make_shared<TokenizedData>();
  for (int32_t id = 0; id < vocab; ++id) data->vocabulary.push_back(id);
  TokenizedSplit& split = data->train;
  for (auto [length, count] : counts) {
    first_[length] = split.size();
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t t = 0; t < length; ++t) {
        split.ids.push_back(MadeUpId(spec.seed, static_cast<int64_t>(split.ids.size()), vocab));
      }
      split.begin.push_back(static_cast<int64_t>(split.ids.size()));
      split.labels.push_back(static_cast<int32_t>(i % 2));
    }
  }
  split.types.assign(split.ids.size(), 0);
  prepared_->train = split;
  prepared_->data = std::move(data);
  return {};
}

MaybeFailure Measured::MakeModel(TrialResult* result) {
  if (MaybeFailure failure = MakeMasks(run_, prepared_.get(), result)) return failure;
  const TrialSpec& spec = run_.spec;
  meter_ = std::make_unique<MemoryMeter>(prepared_->device, run_.options.memory_limit);
  auto options = ModelOptions(spec, *prepared_);
  if (!options.ok()) return Refused(options.status());
  model_ = std::make_unique<Bert>(*prepared_->checkpoint, *options, *prepared_->masks->mask_plan);
  model_bytes_ = meter_->live();
  ways_ = {{run_.options.implementation, ""}};
  AddLearned(run_, *prepared_, *model_, &learned_);
  if (prepared_->device.is_cpu() && run_.options.implementation == Implementation::kAuto) {
    ways_.push_back({Implementation::kPortable, "portable"});
  }
  return {};
}

MaybeFailure Measured::Attest(TrialResult* result) {
  // The ways are asked in turn; what is stored is the same for all but its time.
  for (size_t way = ways_.size(); way-- > 0;) {
    TrainerOptions options = run_.options;
    options.implementation = ways_[way].implementation;
    const RunContext asked{run_.spec, run_.attempt, options, run_.resident, run_.observer};
    if (auto failure = AttestTrial(asked, *prepared_, *model_, learned_, result)) return failure;
  }
  result->lengths = prepared_->masks->lengths;
  return {};
}

Batch Measured::Examples(int64_t length, int64_t count) const {
  std::vector<int64_t> examples(count);
  for (int64_t i = 0; i < count; ++i) examples[i] = first_.at(length) + i;
  return MakeBatch(prepared_->train, examples, prepared_->device);
}

AttentionBatch Measured::Attention(const Batch& batch, const Way& way, Phase phase) const {
  return AttentionBatch(batch.lengths, batch.examples, batch.padded, way.implementation, phase);
}

std::string Measured::Paths(const Way& way) const {
  std::set<std::string> paths;
  for (int layer = 0; layer < run_.spec.layers; ++layer) {
    for (int head = 0; head < run_.spec.heads; ++head) {
      paths.insert(AttentionPathName(model_->HeadPath(layer, head)));
    }
  }
  std::string text = way.prefix;
  for (const std::string& path : paths) {
    text += (path == *paths.begin() ? (text.empty() ? "" : " ") : "+") + path;
  }
  return text;
}

double Milliseconds(at::Device device, const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

bool FitsInMemory(at::Device device, const std::function<void()>& point) {
  try {
    point();
    return true;
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) throw;
  }
  if (!device.is_cpu()) at::accelerator::emptyCache();
  return false;
}

double Percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double place = p * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

void DescribeMeasured(const RunContext& run, at::Device device, TrialResult* result) {
  DescribeRun(run, device, result);
  result->density_padded = result->density;  // all examples of a point are equally long
}

}  // namespace sparsweep
