// numpy's legacy generator, as far as transformers' BigBird draws from it: np.random.seed(n) and
// np.random.permutation(list). MT19937 with Knuth's seeding, which is that of std::mt19937; a
// number up to a bound is drawn by masking and rejection (numpy/random/mtrand.pyx and
// distributions.c, 2.4). One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace sparsweep {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}

  // `values` in a random order.
  std::vector<int> Permutation(std::vector<int> values) {
    for (size_t i = values.size(); i-- > 1;) {
      std::swap(values[i], values[UpTo(static_cast<uint32_t>(i))]);
    }
    return values;
  }

 private:
  uint32_t UpTo(uint32_t largest) {  // largest >= 1
    const uint32_t mask = ~uint32_t{0} >> std::countl_zero(largest);
    uint32_t value = 0;
    do {
      value = static_cast<uint32_t>(engine_()) & mask;
    } while (value > largest);
    return value;
  }

  std::mt19937 engine_;
};

}  // namespace sparsweep
