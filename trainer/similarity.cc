#include "trainer/similarity.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sparsweep {
namespace {

constexpr int kLanes = 8;

// In a fixed order of additions, the same for (a, b) and (b, a).
double Dot(const float* a, const float* b, int width) {
  std::array<double, kLanes> sums = {};
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  for (int lane = 0; i < width; ++i, ++lane) {
    sums[lane] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  double sum = 0;
  for (double part : sums) sum += part;
  return sum;
}

// Of a < b in the rows of the upper triangle.
size_t Triangle(int words, int a, int b) {
  const auto row = static_cast<size_t>(a);
  return row * (2 * static_cast<size_t>(words) - row - 1) / 2 + static_cast<size_t>(b - a - 1);
}

}  // namespace

WordSimilarity::WordSimilarity(int words, int width, const std::vector<float>& vectors)
    : words_(words), norms_(words), orders_(words) {
  const auto at = [&](int word) { return vectors.data() + static_cast<size_t>(word) * width; };
  for (int a = 0; a < words; ++a) norms_[a] = Dot(at(a), at(a), width);
  dots_.reserve(static_cast<size_t>(words) * std::max(words - 1, 0) / 2);
  for (int a = 0; a < words; ++a) {
    for (int b = a + 1; b < words; ++b) {
      dots_.push_back(zero(a) || zero(b) ? 0 : Dot(at(a), at(b), width));
    }
  }
  std::vector<double> cosines(words);
  for (int a = 0; a < words; ++a) {
    if (zero(a)) continue;
    for (int b = 0; b < words; ++b) {
      if (b == a || zero(b)) continue;
      cosines[b] = cosine(a, b);
      orders_[a].push_back(b);
    }
    std::ranges::stable_sort(
        orders_[a], [&](int32_t one, int32_t other) { return cosines[one] > cosines[other]; });
  }
}

double WordSimilarity::cosine(int a, int b) const {
  if (zero(a) || zero(b)) return 0;
  if (a == b) return 1;
  // sqrt(x * x) is x, so that equal vectors have cosine 1; a product of roots would not give it.
  const double dot = dots_[Triangle(words_, std::min(a, b), std::max(a, b))];
  return dot / std::sqrt(norms_[a] * norms_[b]);
}

int64_t WordSimilarity::bytes() const {
  const auto words = static_cast<int64_t>(words_);
  return words * (words - 1) * 8 + words * 48;
}

void KeepMostSimilar(const WordSimilarity& similarity, const WordTokens& tokens, int k,
                     Mask* mask) {
  tokens.KeepOwn(mask);
  for (int a = 0; a < similarity.words(); ++a) {
    const auto& order = similarity.order(a);
    for (size_t i = 0; i < order.size() && static_cast<int>(i) < k; ++i) {
      tokens.KeepPair(a, order[i], mask);
    }
  }
}

void KeepSimilar(const WordSimilarity& similarity, const WordTokens& tokens, Threshold threshold,
                 Mask* mask) {
  tokens.KeepOwn(mask);
  const double least = static_cast<double>(threshold.units) / 1e18;
  for (int a = 0; a < similarity.words(); ++a) {
    for (int b : similarity.order(a)) {
      if (similarity.cosine(a, b) < least) break;
      tokens.KeepPair(a, b, mask);
    }
  }
}

int DegreeOfDensity(const WordSimilarity& similarity, const WordTokens& tokens, Density density) {
  const int words = similarity.words();
  // A pair is kept from the smaller of the two places at which one finds the other.
  std::vector<int32_t> place(static_cast<size_t>(words) * words, INT32_MAX);
  for (int a = 0; a < words; ++a) {
    for (size_t i = 0; i < similarity.order(a).size(); ++i) {
      const int b = similarity.order(a)[i];
      int32_t& known = place[static_cast<size_t>(std::min(a, b)) * words + std::max(a, b)];
      known = std::min(known, static_cast<int32_t>(i) + 1);
    }
  }
  std::vector<int64_t> gained(words + 1);  // entries by the k that adds them
  Mask own(tokens.length());
  tokens.KeepOwn(&own);
  gained[0] = own.kept();
  for (int a = 0; a < words; ++a) {
    for (int b = a + 1; b < words; ++b) {
      const int32_t k = place[static_cast<size_t>(a) * words + b];
      if (k != INT32_MAX) {
        gained[k] += 2 * static_cast<int64_t>(tokens.tokens(a).size() * tokens.tokens(b).size());
      }
    }
  }
  // |kept / N^2 - density|, exactly: kept * 10^18 against density.units * N^2.
  const auto n = static_cast<__int128>(tokens.length());
  const __int128 wanted = n * n * density.units;
  __int128 kept = 0, closest = -1;
  int best = 0;
  for (int k = 0; k <= words; ++k) {
    kept += gained[k];
    __int128 distance = kept * static_cast<__int128>(Density::kOne) - wanted;
    if (distance < 0) distance = -distance;
    if (closest < 0 || distance < closest) {
      closest = distance;
      best = k;
    }
  }
  return best;
}

}  // namespace sparsweep
