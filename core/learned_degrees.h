// What learned patterns have learned, as values: a degree distribution or a span, its soft window,
// its expected density in closed form, and the mask that it is hardened to for evaluation.
//
// The definitions and why they are so: docs/learned-degrees.md (after "Breaking BERT", arXiv
// 2210.03841, section 3, and "Adaptive Attention Span", arXiv 1905.07799, eq. 5). Not here: how it
// is learned (attention/learned_window.h, attention/adaptive_span.h). Plain values: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/mask.h"
#include "core/result.h"

namespace sparsweep {

// Examples of each real length.
using LengthCounts = std::map<int, int64_t>;

// Density is linear in a soft window s over distances: sum over x of shares[x] * s(x), for the
// distances 0 .. distances-1. The share of a distance is that of its entries (one diagonal on each
// side) among all N^2 entries of all examples.
std::vector<double> DistanceShares(const LengthCounts& lengths, int distances);

// P over the one-sided degrees 0..max of a window, in parts per million: what is stored is whole
// numbers, so that everybody hardens it to the same mask.
class DegreeDistribution {
 public:
  static constexpr uint32_t kWhole = 1'000'000;

  // Rounds P(degree >= d), so that the soft window is off by half a part at most. `probabilities`
  // are at least 0, finite, and not all 0; they need not sum to 1.
  static DegreeDistribution Rounded(std::span<const double> probabilities);
  // `parts` must sum to kWhole.
  static Result<DegreeDistribution> FromParts(std::vector<uint32_t> parts);

  int max() const { return static_cast<int>(parts_.size()) - 1; }
  const std::vector<uint32_t>& parts() const { return parts_; }
  // P(degree >= distance) for each distance 0..max, in parts: the soft window; beyond max it is 0.
  std::vector<uint32_t> AtLeast() const;
  double ExpectedDensity(const LengthCounts& lengths) const;

  // The mean, halves up.
  int MeanDegree() const;
  // The greatest distance that at least half of the mass reaches.
  int ThresholdDegree() const;
  // The degree of each row of a text of `length` tokens, drawn by the Philox rule of `random` with
  // draw number 0: u of counter (0, i, layer*65536 + head, N) under the mask seed selects part
  // floor(u * kWhole / 2^64).
  std::vector<int> SampleDegrees(int length, const MaskContext& context) const;

  bool operator==(const DegreeDistribution&) const = default;

 private:
  std::vector<uint32_t> parts_;
};

// The ramp of adaptive_span: clamp((ramp + z - distance) / ramp, 0, 1).
double SpanWeight(double z, int ramp, int distance);
double SpanExpectedDensity(double z, int ramp, const LengthCounts& lengths);
// The greatest distance whose weight is at least a half: floor(z + ramp / 2).
int SpanDegree(double z, int ramp);

// Row i keeps the keys at most degrees[i] away; and how many entries that are.
Mask MaskOfDegrees(std::span<const int> degrees);
int64_t KeptByDegrees(std::span<const int> degrees);

}  // namespace sparsweep
