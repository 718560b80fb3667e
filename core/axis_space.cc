// See axis_space.h.
#include "core/axis_space.h"

#include <algorithm>

namespace sparsweep {

AxisSpace::AxisSpace(const std::vector<Axis>& axes, const std::vector<std::string>& used)
    : axes_(axes) {
  for (const Axis& axis : axes) {
    touches_.push_back(std::find(used.begin(), used.end(), axis.name) != used.end());
    (touches_.back() ? attention_count_ : other_count_) *= axis.values.size();
  }
}

Combination AxisSpace::At(uint64_t index) const {
  std::vector<uint32_t> digits(axes_.size());
  for (size_t k = axes_.size(); k-- > 0;) {
    digits[k] = static_cast<uint32_t>(index % Radix(k));
    index /= Radix(k);
  }
  return Of(std::move(digits));
}

Combination AxisSpace::Of(std::vector<uint32_t> digits) const {
  Combination at;
  at.digits = std::move(digits);
  for (size_t k = 0; k < axes_.size(); ++k) {
    uint64_t& number = touches_[k] ? at.attention : at.other;
    number = number * Radix(k) + at.digits[k];
  }
  return at;
}

Combination AxisSpace::Of(uint64_t attention, uint64_t other) const {
  Combination at = {std::vector<uint32_t>(axes_.size()), attention, other};
  for (size_t k = axes_.size(); k-- > 0;) {
    uint64_t& rest = touches_[k] ? attention : other;
    at.digits[k] = static_cast<uint32_t>(rest % Radix(k));
    rest /= Radix(k);
  }
  return at;
}

uint64_t AxisSpace::IndexOf(const Combination& at) const {
  uint64_t index = 0;
  for (size_t k = 0; k < axes_.size(); ++k) index = index * Radix(k) + at.digits[k];
  return index;
}

}  // namespace sparsweep
