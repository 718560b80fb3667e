// Every path x pattern x length x type x dropout x implementation against the reference (tier 2).
#include "tests/attention/path_cases.h"

namespace sparsweep {
namespace {

class Product : public testing::TestWithParam<int> {};

TEST_P(Product, AgreesWithTheReference) {
  const PathCase c = PathCases()[GetParam()];
  for (int length : PathLengths()) {
    for (at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      for (bool dropout : {false, true}) {
        ComparePath(c, length, {type, dropout, Implementation::kAuto});
        if (type == at::kFloat) ComparePath(c, length, {type, dropout, Implementation::kPortable});
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Paths, Product, testing::Range(0, static_cast<int>(PathCases().size())));

}  // namespace
}  // namespace sparsweep
