#include "trainer/learned_run.h"

namespace sparsweep {

Result<std::shared_ptr<const MaskPlan>> HardenedMasks(const TrialMasks& masks,
                                                      const LearnedDegrees& learned,
                                                      PathChoice choice, MaskCache& cache) {
  MaskPlanOptions options;
  options.mask_seed = masks.mask_seed;
  options.choice = choice;
  options.examples = masks.examples;
  options.learned = [&](const Pattern& pattern, int length, const MaskContext& context) {
    return learned.Harden(pattern, length, context);
  };
  return MaskPlan::Make(masks.plan, options, masks.all_lengths, cache);
}

Status LearnedRun::Harden() {
  auto current = degrees_.Current();
  if (!current.ok()) return current.status();
  learned_ = *std::move(current);
  auto made = HardenedMasks(masks_, learned_, choice_, cache_);
  if (!made.ok()) return made.status();
  hardened_ = *std::move(made);
  return {};
}

void LearnedRun::Record(int epoch, double soft_value, double hardened_value) {
  const Plan& plan = masks_.plan;
  double entries = 0;
  for (const auto& [length, examples] : masks_.lengths) {
    entries += static_cast<double>(examples) * length * length;
  }
  for (const Degrees::Cell& cell : degrees_.cells()) {
    DegreeRow row;
    row.epoch = epoch;
    row.layer = cell.layer;
    row.heads = cell.heads;
    const Pattern& pattern = plan.at(cell.layer, cell.heads[0]);
    const LearnedDegree& learned = learned_.at(cell.layer, cell.heads[0]);
    if (const auto* z = std::get_if<double>(&learned)) {
      row.span = *z;
    } else {
      row.distribution = std::get<DegreeDistribution>(learned).parts();
    }
    row.expected_density = ExpectedDensity(pattern, learned, masks_.lengths);
    double kept = 0;
    for (const int head : cell.heads) {
      for (const auto& [length, examples] : masks_.lengths) {
        const std::vector<int> degrees =
            HardenedDegrees(pattern, learned, length,
                            {masks_.mask_seed, cell.layer, head, plan.context().max_length});
        kept += static_cast<double>(examples * KeptByDegrees(degrees));
      }
    }
    row.hardened_density = kept / entries / static_cast<double>(cell.heads.size());
    row.soft_value = soft_value;
    row.hardened_value = hardened_value;
    rows_.push_back(std::move(row));
  }
}

std::vector<DegreeRow> LearnedRun::Last() const {
  std::vector<DegreeRow> last;
  for (const DegreeRow& row : rows_) {
    if (row.epoch == rows_.back().epoch) last.push_back(row);
  }
  return last;
}

std::vector<DegreeRow> LearnedRun::Rows() const {
  std::vector<DegreeRow> rows = rows_;
  ThinOut(&rows, kMaxDegreeNumbers);
  return rows;
}

void ThinOut(std::vector<DegreeRow>* rows, int64_t most) {
  if (rows->empty()) return;
  const int last = rows->back().epoch;
  const auto count = [&](int every) {
    int64_t numbers = 0;
    for (const DegreeRow& row : *rows) {
      if ((last - row.epoch) % every == 0) numbers += static_cast<int64_t>(row.distribution.size());
    }
    return numbers;
  };
  int every = 1;
  while (every <= last && count(every) > most) ++every;
  for (DegreeRow& row : *rows) {
    if ((last - row.epoch) % every != 0) row.distribution.clear();
  }
}

}  // namespace sparsweep
