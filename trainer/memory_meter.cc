#include "trainer/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <string>

namespace sparsweep {
namespace {

// Of the counting allocator: bytes now, their maximum, and the most that is allowed.
std::atomic<int64_t> cpu_live = 0, cpu_peak = 0, cpu_limit = 0;

// Keeps the size of each block in front of it, so that the block's address is all there is to know.
class CountingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    if (size == 0) return {nullptr, nullptr, &Free, c10::Device(c10::kCPU)};
    const int64_t bytes = static_cast<int64_t>(size);
    const int64_t live = cpu_live += bytes;
    if (live > cpu_limit) {
      cpu_live -= bytes;
      TORCH_CHECK_WITH(OutOfMemoryError, false, "out of memory: ", size, " bytes beside ",
                       live - bytes, " exceed the limit of ", cpu_limit.load());
    }
    void* block = nullptr;
    try {
      block = c10::alloc_cpu(size + kFront);
    } catch (...) {
      cpu_live -= bytes;
      throw;
    }
    int64_t peak = cpu_peak;
    while (live > peak && !cpu_peak.compare_exchange_weak(peak, live)) {
    }
    std::memcpy(block, &bytes, sizeof(bytes));
    void* data = static_cast<char*>(block) + kFront;
    return {data, data, &Free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  static constexpr size_t kFront = 64;  // LibTorch's alignment

  static void Free(void* data) {
    if (!data) return;
    void* block = static_cast<char*>(data) - kFront;
    int64_t bytes = 0;
    std::memcpy(&bytes, block, sizeof(bytes));
    cpu_live -= bytes;
    c10::free_cpu(block);
  }
};

CountingAllocator& Counting() {
  static CountingAllocator allocator;
  return allocator;
}
c10::Allocator* replaced = nullptr;

int64_t NumberIn(const char* path) {
  int64_t number = 0;
  std::ifstream in(path);
  return in >> number ? number : -1;  // "max" is no number
}

auto Counters(at::Device device) {
  constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(device.type())
      ->getDeviceStats(std::max<c10::DeviceIndex>(device.index(), 0))
      .allocated_bytes[all];
}

}  // namespace

int64_t FreeMemory() {
  int64_t free = int64_t{1} << 62;
  std::ifstream in("/proc/meminfo");
  for (std::string name, unit; in >> name;) {
    int64_t value = 0;
    in >> value;
    std::getline(in, unit);
    if (name == "MemAvailable:") free = value * 1024;
  }
  const int64_t most = NumberIn("/sys/fs/cgroup/memory.max");
  const int64_t used = NumberIn("/sys/fs/cgroup/memory.current");
  return most > 0 && used >= 0 ? std::min(free, std::max<int64_t>(most - used, 0)) : free;
}

MemoryMeter::MemoryMeter(at::Device device, int64_t limit) : device_(device) {
  if (device.is_cpu()) {
    base_ = cpu_live;
    cpu_limit = base_ + (limit > 0 ? std::min(limit, FreeMemory()) : FreeMemory());
    replaced = c10::GetAllocator(c10::kCPU);
    c10::SetAllocator(c10::kCPU, &Counting());
  } else {
    base_ = Counters(device).current;
  }
  ResetPeak();
}

MemoryMeter::~MemoryMeter() {
  if (device_.is_cpu()) c10::SetAllocator(c10::kCPU, replaced);
}

int64_t MemoryMeter::live() const {
  return (device_.is_cpu() ? cpu_live.load() : Counters(device_).current) - base_;
}

int64_t MemoryMeter::peak() const {
  return (device_.is_cpu() ? cpu_peak.load() : Counters(device_).peak) - base_;
}

void MemoryMeter::ResetPeak() {
  if (device_.is_cpu()) {
    cpu_peak = cpu_live.load();
  } else {
    c10::getDeviceAllocator(device_.type())
        ->resetPeakStats(std::max<c10::DeviceIndex>(device_.index(), 0));
  }
}

}  // namespace sparsweep
