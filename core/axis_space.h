// The combinations of axis values of a sweep as numbers. Not here: what a combination means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/sweep_spec.h"

namespace sparsweep {

// One combination: a digit for each axis, and the two numbers that it splits into.
struct Combination {
  std::vector<uint32_t> digits;
  uint64_t attention = 0;  // mixed radix over the axes that touch attention
  uint64_t other = 0;      // over the others
};

class AxisSpace {
 public:
  // `used`: the axes that the template names, which so touch attention. `axes` must outlive this.
  AxisSpace(const std::vector<Axis>& axes, const std::vector<std::string>& used);

  bool touches(size_t axis) const { return touches_[axis]; }
  uint64_t attention_count() const { return attention_count_; }
  uint64_t other_count() const { return other_count_; }
  uint64_t size() const { return attention_count_ * other_count_; }

  // Index order: mixed radix over all axes, the last one fastest.
  Combination At(uint64_t index) const;
  Combination Of(std::vector<uint32_t> digits) const;
  Combination Of(uint64_t attention, uint64_t other) const;
  uint64_t IndexOf(const Combination& at) const;

 private:
  uint64_t Radix(size_t axis) const { return axes_[axis].values.size(); }

  const std::vector<Axis>& axes_;
  std::vector<bool> touches_;
  uint64_t attention_count_ = 1;
  uint64_t other_count_ = 1;
};

}  // namespace sparsweep
