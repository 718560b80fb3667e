// Tests compute on one thread: LibTorch's pool spins, which starves a busy machine of two cores.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace sparsweep {
namespace {

class OneThread : public testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
[[maybe_unused]] const auto* const kRegistered = testing::AddGlobalTestEnvironment(new OneThread);

}  // namespace
}  // namespace sparsweep
