// What the learned patterns of a plan stand at, and the masks that this hardens them to; the rules
// for plans with learned patterns. docs/learned-degrees.md has the definitions.
//
// The trainer makes one of these after each epoch; the server makes the same one from the stored
// result, so that pictures and `verify` recompute the masks that were attested. Not here: the
// distributions themselves (core/learned_degrees.h). Plain values: any thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/learned_degrees.h"
#include "core/plan.h"
#include "core/trial.h"

namespace sparsweep {

// The distribution of a learned_window, or the span z of an adaptive_span.
using LearnedDegree = std::variant<DegreeDistribution, double>;

// How a soft window weighs the distances 0..distances-1.
std::vector<double> SoftWindowWeights(const Pattern& pattern, const LearnedDegree& learned,
                                      int distances);
double ExpectedDensity(const Pattern& pattern, const LearnedDegree& learned,
                       const LengthCounts& lengths);
// The degree of each row of the hardened mask.
std::vector<int> HardenedDegrees(const Pattern& pattern, const LearnedDegree& learned, int length,
                                 const MaskContext& context);

// One LearnedDegree for each (layer, head) whose pattern IsLearned.
class LearnedDegrees {
 public:
  void Set(int layer, int head, LearnedDegree learned) {
    cells_.insert_or_assign({layer, head}, std::move(learned));
  }
  const LearnedDegree& at(int layer, int head) const { return cells_.at({layer, head}); }
  bool Has(int layer, int head) const { return cells_.contains({layer, head}); }

  // The mask of a learned pattern; the context names its layer and head.
  Mask Harden(const Pattern& pattern, int length, const MaskContext& context) const {
    return MaskOfDegrees(
        HardenedDegrees(pattern, at(context.layer, context.head), length, context));
  }

  // Of the last epoch of a result. An error where a learned pattern of the plan has no row there,
  // or one that is not of its kind.
  static Result<LearnedDegrees> OfResult(const Plan& plan, const std::vector<DegreeRow>& rows);

 private:
  std::map<std::pair<int, int>, LearnedDegree> cells_;
};

// What one epoch learned as a model carries it beside its weights: a list of JSON.
std::string DegreeRowsToJson(const std::vector<DegreeRow>& rows);
Result<std::vector<DegreeRow>> ParseDegreeRows(const std::string& json_text);

// Numbers in the distributions that one epoch of this plan learns.
int64_t DegreeNumbers(const Plan& plan);
// The most that a plan may learn and a result holds over all its epochs: a result must fit into one
// message to the server.
inline constexpr int64_t kMaxDegreeNumbers = 100'000;

// Refuses a plan that learns degrees where nothing is trained, or more of them than a result holds.
Status CheckLearned(const Plan& plan, const std::string& kind);

}  // namespace sparsweep
