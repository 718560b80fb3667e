// Bytes that tensors take on one device, exactly: from the allocator, not from what the process
// occupies. On the CPU an allocator that counts stands in for LibTorch's while a meter lives, and
// refuses what would exceed a limit; on other devices the caching allocator's own counters are
// read. Not counted: what libraries allocate behind LibTorch's back, such as scratch space of
// matrix products. One meter at a time; tensors may be made and freed on any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sparsweep {

// Memory that this process may still take on the CPU: what the kernel calls available, within the
// limit of its control group.
int64_t FreeMemory();

class MemoryMeter {
 public:
  // `limit`: of live() on the CPU; an allocation beyond it throws c10::OutOfMemoryError. 0: no more
  // than FreeMemory().
  explicit MemoryMeter(at::Device device, int64_t limit = 0);
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;
  ~MemoryMeter();

  // Bytes of tensors made since this meter was made and not freed yet.
  int64_t live() const;
  // The most of that since ResetPeak (or the beginning).
  int64_t peak() const;
  void ResetPeak();

 private:
  at::Device device_;
  int64_t base_ = 0;
};

}  // namespace sparsweep
