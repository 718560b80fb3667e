#include "trainer/heap.h"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <bit>
#include <cstdint>
#include <cstdlib>

namespace sparsweep {
namespace {

constexpr size_t kAlignment = 64;  // LibTorch's, one cache line

// Sixteen sizes between a power of two and the next.
size_t Rounded(size_t size) {
  const size_t step = std::bit_floor(size) / 16;
  return step < kAlignment ? size : (size + step - 1) / step * step;
}

class RoundingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    if (size == 0) return {nullptr, nullptr, &Free, c10::Device(c10::kCPU)};
    void* block = std::malloc(Rounded(size + kAlignment));
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "out of memory: ", size, " bytes");
    // malloc aligns to 16 bytes, so there is room for the block's address in front.
    const auto address = reinterpret_cast<uintptr_t>(block);
    void* data = reinterpret_cast<void*>((address / kAlignment + 1) * kAlignment);
    static_cast<void**>(data)[-1] = block;
    return {data, data, &Free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  static void Free(void* data) {
    if (data) std::free(static_cast<void**>(data)[-1]);
  }
};

}  // namespace

void KeepHeap() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
  static RoundingAllocator allocator;
  c10::SetAllocator(c10::kCPU, &allocator);
}

}  // namespace sparsweep
