#include "worker/devices.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

TEST(Devices, OfThisMachineAreFound) {
  const Devices devices = ProbeDevices();
  EXPECT_GE(devices.cores, 1);
  EXPECT_GT(devices.memory_bytes, 0);
  EXPECT_FALSE(devices.cpu.empty());
}

TEST(DefaultSlots, AreBoundedByCoresAndMemoryAndAtLeastOne) {
  Devices devices;
  devices.cores = 8;
  devices.memory_bytes = int64_t{64} << 30;
  EXPECT_EQ(DefaultSlots(devices, 1), 8);
  EXPECT_EQ(DefaultSlots(devices, 3), 2);
  EXPECT_EQ(DefaultSlots(devices, 16), 1);
  devices.memory_bytes = int64_t{4} << 30;
  EXPECT_EQ(DefaultSlots(devices, 1), 2);
  devices.memory_bytes = int64_t{1} << 28;
  EXPECT_EQ(DefaultSlots(devices, 1), 1);
}

}  // namespace
}  // namespace sparsweep
