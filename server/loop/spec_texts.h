// The JSON of trials, millions of which differ in four values: their specification is made once for
// each setting of the axes that do not touch attention, and cut where those values stand.
//
// One thread at a time. Not here: what is in a specification (core/trial.h).
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/axis_space.h"
#include "core/trial.h"

namespace sparsweep {

class SpecTexts {
 public:
  // `spec` must outlive this.
  explicit SpecTexts(const SweepSpec& spec);

  // TrialSpecToJson(trial), of a trial of the cell `index` of the sweep's grid.
  std::string Of(uint64_t index, const TrialSpec& trial);

 private:
  enum class Value { kNone, kAttention, kIdentity, kSeed, kMaskSeed };
  struct Piece {
    std::string text;
    Value then = Value::kNone;
  };
  using Template = std::vector<Piece>;

  static Template Cut(TrialSpec trial);

  const AxisSpace space_;
  // By the setting, and whether there is a mask seed. Dropped when there are too many.
  std::unordered_map<uint64_t, Template> templates_;
};

}  // namespace sparsweep
