// Memory of tensors: aligned as LibTorch promises, and used again.
#include "trainer/heap.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace sparsweep {
namespace {

class HeapTest : public ::testing::Test {
 protected:
  HeapTest() { KeepHeap(); }
  at::Tensor Bytes(int64_t size) { return at::empty({size}, at::kByte); }
};

TEST_F(HeapTest, BlocksAreAlignedAndTheirOwn) {
  std::vector<at::Tensor> tensors;
  for (const int64_t size : {1, 63, 64, 1000, 65'537, 3'000'001}) {
    tensors.push_back(Bytes(size).fill_(static_cast<int64_t>(tensors.size())));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensors.back().data_ptr()) % 64, 0) << size;
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_TRUE((tensors[i] == static_cast<int64_t>(i)).all().item<bool>()) << i;
  }
  EXPECT_EQ(at::empty({0}).numel(), 0);
}

// What grew the heap: about as much as before, and what was allocated in between is still there.
TEST_F(HeapTest, ABlockOfAboutTheSizeTakesThePlaceOfAFreedOne) {
  constexpr int64_t kSize = 40'000'000;
  at::Tensor first = Bytes(kSize);
  const at::Tensor between = Bytes(100);
  const void* place = first.data_ptr();
  first.reset();
  EXPECT_EQ(Bytes(kSize).data_ptr(), place);
  EXPECT_EQ(Bytes(kSize + 100'000).data_ptr(), place);
}

}  // namespace
}  // namespace sparsweep
