#include "trainer/padded_density.h"

#include <algorithm>

#include "trainer/batches.h"
#include "trainer/train.h"

namespace sparsweep {

double PaddedDensity(const TrialSpec& spec, const TokenizedSplit& train, const TokenizedSplit& dev,
                     const std::vector<MaskRow>& masks) {
  double padded = 0, kept = 0;
  const auto count = [&](const TokenizedSplit& split, const BatchOrder& order) {
    for (const auto& batch : order) {
      double longest = 0;
      for (int64_t i : batch) longest = std::max<double>(longest, split.length(i));
      padded += static_cast<double>(batch.size()) * longest * longest;
    }
  };
  count(train, TrainOrder(train.lengths(), spec.training.batch_size, spec.seed, 0));
  count(dev, EvalOrder(dev.lengths(), kEvalBatch));
  for (const MaskRow& row : masks) kept += static_cast<double>(row.kept);
  return kept / (padded * static_cast<double>(masks.size()));
}

}  // namespace sparsweep
