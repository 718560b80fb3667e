#include "trainer/allocations.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <atomic>
#include <cstring>

namespace sparsweep {
namespace {

std::atomic<int64_t> current{0}, peak{0};

// LibTorch's allocator with a count. Sizes are what malloc made of them: it knows them when the
// memory is given back.
class CountingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const memory = c10::alloc_cpu(bytes);
    if (memory != nullptr) Add(static_cast<int64_t>(malloc_usable_size(memory)));
    return {memory, memory, &Release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

 private:
  static void Add(int64_t bytes) {
    const int64_t held = current += bytes;
    for (int64_t most = peak; held > most && !peak.compare_exchange_weak(most, held);) {
    }
  }
  static void Release(void* memory) {
    if (memory == nullptr) return;
    current -= static_cast<int64_t>(malloc_usable_size(memory));
    c10::free_cpu(memory);
  }
};

}  // namespace

void CountAllocations() {
  static CountingAllocator counting;
  c10::SetCPUAllocator(&counting, /*priority=*/1);
}

AllocatedBytes Allocated() { return {current, peak}; }

void ResetAllocatedPeak() { peak = current.load(); }

}  // namespace sparsweep
