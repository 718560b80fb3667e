// See learned_degrees.h.
#include "core/learned_degrees.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/philox.h"

namespace sparsweep {

std::vector<double> DistanceShares(const LengthCounts& lengths, int distances) {
  std::vector<double> shares(distances, 0.0);
  double all = 0;
  for (const auto& [length, examples] : lengths) {
    const double count = static_cast<double>(examples);
    all += count * length * length;
    for (int x = 0; x < std::min(length, distances); ++x) {
      shares[x] += count * (x == 0 ? length : 2 * (length - x));
    }
  }
  if (all > 0) {
    for (double& share : shares) share /= all;
  }
  return shares;
}

DegreeDistribution DegreeDistribution::Rounded(std::span<const double> probabilities) {
  SPARSWEEP_CHECK(!probabilities.empty());
  const double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  SPARSWEEP_CHECK(std::isfinite(total) && total > 0);
  DegreeDistribution made;
  made.parts_.resize(probabilities.size());
  double at_least = 0;  // P(degree >= d), and below what it was rounded to at d + 1
  uint32_t above = 0;
  for (size_t degree = probabilities.size() - 1; degree > 0; --degree) {
    at_least += probabilities[degree] / total;
    const uint32_t rounded =
        static_cast<uint32_t>(std::min<int64_t>(std::llround(at_least * kWhole), kWhole));
    made.parts_[degree] = rounded - above;
    above = rounded;
  }
  made.parts_[0] = kWhole - above;
  return made;
}

Result<DegreeDistribution> DegreeDistribution::FromParts(std::vector<uint32_t> parts) {
  const uint64_t total = std::accumulate(parts.begin(), parts.end(), uint64_t{0});
  if (total != kWhole) {
    return InvalidArgument("the parts of a degree distribution sum to " + std::to_string(total) +
                           ", not to " + std::to_string(kWhole));
  }
  DegreeDistribution made;
  made.parts_ = std::move(parts);
  return made;
}

std::vector<uint32_t> DegreeDistribution::AtLeast() const {
  std::vector<uint32_t> tail = parts_;
  for (size_t x = tail.size() - 1; x > 0; --x) tail[x - 1] += tail[x];
  return tail;
}

double DegreeDistribution::ExpectedDensity(const LengthCounts& lengths) const {
  const std::vector<uint32_t> tail = AtLeast();
  const std::vector<double> shares = DistanceShares(lengths, static_cast<int>(tail.size()));
  double density = 0;
  for (size_t x = 0; x < tail.size(); ++x) density += shares[x] * tail[x];
  return density / kWhole;
}

int DegreeDistribution::MeanDegree() const {
  uint64_t sum = 0;
  for (size_t degree = 0; degree < parts_.size(); ++degree) sum += degree * parts_[degree];
  return static_cast<int>((2 * sum + kWhole) / (2 * uint64_t{kWhole}));
}

int DegreeDistribution::ThresholdDegree() const {
  const std::vector<uint32_t> tail = AtLeast();
  int degree = 0;
  while (degree < max() && 2 * tail[degree + 1] >= kWhole) ++degree;
  return degree;
}

std::vector<int> DegreeDistribution::SampleDegrees(int length, const MaskContext& context) const {
  std::vector<uint32_t> below = parts_;  // of the degrees up to and with d
  std::partial_sum(below.begin(), below.end(), below.begin());
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(context.mask_seed),
                                       static_cast<uint32_t>(context.mask_seed >> 32)};
  const uint32_t owner = static_cast<uint32_t>(context.layer) * 65536 + context.head;
  __extension__ using Wide = unsigned __int128;
  std::vector<int> degrees(length);
  for (int i = 0; i < length; ++i) {
    const auto words =
        Philox4x32({0, static_cast<uint32_t>(i), owner, static_cast<uint32_t>(length)}, key);
    const uint64_t u = (uint64_t{words[1]} << 32) + words[0];
    const uint32_t part = static_cast<uint32_t>((Wide{u} * kWhole) >> 64);
    degrees[i] =
        static_cast<int>(std::upper_bound(below.begin(), below.end(), part) - below.begin());
  }
  return degrees;
}

double SpanWeight(double z, int ramp, int distance) {
  return std::clamp((ramp + z - distance) / ramp, 0.0, 1.0);
}

double SpanExpectedDensity(double z, int ramp, const LengthCounts& lengths) {
  if (lengths.empty()) return 0;
  const std::vector<double> shares = DistanceShares(lengths, lengths.rbegin()->first);
  double density = 0;
  for (size_t x = 0; x < shares.size(); ++x) {
    density += shares[x] * SpanWeight(z, ramp, static_cast<int>(x));
  }
  return density;
}

int SpanDegree(double z, int ramp) { return static_cast<int>(std::floor(z + ramp / 2.0)); }

Mask MaskOfDegrees(std::span<const int> degrees) {
  const int length = static_cast<int>(degrees.size());
  Mask mask(length);
  for (int i = 0; i < length; ++i) {
    mask.KeepRange(i, std::max(0, i - degrees[i]), std::min(length, i + degrees[i] + 1));
  }
  return mask;
}

int64_t KeptByDegrees(std::span<const int> degrees) {
  const int length = static_cast<int>(degrees.size());
  int64_t kept = 0;
  for (int i = 0; i < length; ++i) {
    kept += std::min(length, i + degrees[i] + 1) - std::max(0, i - degrees[i]);
  }
  return kept;
}

}  // namespace sparsweep
