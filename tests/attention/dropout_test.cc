// The counter-based dropout streams.
#include "attention/dropout.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "core/philox.h"

namespace sparsweep {
namespace {

DropoutStream Stream() {
  return {0x123456789, 3, DropoutSite::kOutput, 1, DropoutStream::Threshold(0.1)};
}

std::vector<uint8_t> Keep(const DropoutStream& stream, uint32_t item, int64_t count) {
  std::vector<uint8_t> keep(count);
  FillKeep(stream, item, count, keep.data());
  return keep;
}

TEST(Dropout, IsPhiloxOfItsCounter) {
  DropoutStream stream = Stream();
  auto keep = Keep(stream, 9, 1000);
  for (int e : {0, 15, 16, 127, 128, 999}) {  // lanes of 16 blocks, eight halves each
    uint32_t block = e / 128 * 16 + e % 16, half = e % 128 / 16;
    uint32_t tag = 3u << 24 | static_cast<uint32_t>(stream.site) << 16 | stream.layer;
    auto words = Philox4x32({block, 9, tag, stream.step}, {0x23456789, 0x1});
    uint32_t drawn = words[half / 2] >> (half % 2 * 16) & 0xFFFF;
    EXPECT_EQ(keep[e], drawn >= stream.threshold) << e;
  }
}

TEST(Dropout, KeepsTheShareThatWasAskedFor) {
  auto keep = Keep(Stream(), 0, 1 << 20);
  double share = std::accumulate(keep.begin(), keep.end(), 0.0) / (1 << 20);
  EXPECT_NEAR(share, 0.9, 0.002);
  EXPECT_NEAR(Stream().scale(), 1 / 0.9, 1e-4);
}

TEST(Dropout, StreamsDifferInEveryPartOfTheirKey) {
  const auto base = Keep(Stream(), 0, 512);
  EXPECT_EQ(base, Keep(Stream(), 0, 512));
  EXPECT_NE(base, Keep(Stream(), 1, 512));
  for (int part = 0; part < 4; ++part) {
    DropoutStream other = Stream();
    if (part == 0) other.seed += uint64_t{1} << 40;
    if (part == 1) other.step += 1;
    if (part == 2) other.site = DropoutSite::kAttention;
    if (part == 3) other.layer = 2;
    EXPECT_NE(base, Keep(other, 0, 512)) << part;
  }
}

TEST(Dropout, APrefixDoesNotDependOnTheCount) {
  auto long_one = Keep(Stream(), 0, 1000);
  auto short_one = Keep(Stream(), 0, 77);
  EXPECT_TRUE(std::equal(short_one.begin(), short_one.end(), long_one.begin()));
}

}  // namespace
}  // namespace sparsweep
