#include "attention/attest_probe.h"

#include <ATen/ops/zeros.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "attention/attest.h"
#include "attention/kernels.h"
#include "core/philox.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

constexpr float kTolerance = 1e-4f;
// And of the mean, in bfloat16: its rounding and that of the weights, 2^-9 each, twice over. A key
// more or less among n moves a mean, which is about n^-1/2, by about 1/n in most of the codes.
constexpr float kRelativeOfBfloat16 = 0x1p-7f;

// The mean of the codes of the keys kept in each row, for codes of 16 numbers.
SPARSWEEP_CLONES void PlainMeans(const Mask& mask, const float* codes, float* means) {
  constexpr int kWidth = 16;
  const int n = mask.length();
  double whole[kWidth] = {};
  for (int j = 0; j < n; ++j) {
    for (int c = 0; c < kWidth; ++c) whole[c] += codes[j * kWidth + c];
  }
  for (int i = 0; i < n; ++i, means += kWidth) {
    int kept = 0;
    for (int word = 0; word < mask.words(); ++word) kept += std::popcount(mask.row(i)[word]);
    // Of a row that keeps most keys, what it leaves out is taken away from the sum of all.
    const bool less = 2 * kept > n;
    double sum[kWidth] = {};
    for (int word = 0; word < mask.words(); ++word) {
      const int left = n - word * 64;
      const uint64_t real = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
      for (uint64_t bits = (less ? ~mask.row(i)[word] : mask.row(i)[word]) & real; bits;
           bits &= bits - 1) {
        const float* code = codes + int64_t{word * 64 + std::countr_zero(bits)} * kWidth;
        for (int c = 0; c < kWidth; ++c) sum[c] += code[c];
      }
    }
    const double share = kept > 0 ? 1.0 / kept : 0;
    for (int c = 0; c < kWidth; ++c) {
      means[c] = static_cast<float>((less ? whole[c] - sum[c] : sum[c]) * share);
    }
  }
}

// The same by multiplicity, for codes of any width.
void Means(const KnownMask& known, const float* codes, int width, std::vector<float>* means) {
  const Mask& mask = known.mask;
  const int n = mask.length();
  means->assign(static_cast<size_t>(n) * width, 0.0f);
  const bool weighted = known.weights.blocks > 0;
  if (width == 16 && !weighted) {
    PlainMeans(mask, codes, means->data());
    return;
  }
  std::vector<double> sum(width);
  for (int i = 0; i < n; ++i) {
    std::fill(sum.begin(), sum.end(), 0.0);
    double weight = 0;
    for (int j = 0; j < n; ++j) {
      if (!mask.at(i, j)) continue;
      const double times =
          weighted ? known.weights.at(i / known.weights.block, j / known.weights.block) : 1;
      weight += times;
      for (int c = 0; c < width; ++c) sum[c] += times * codes[int64_t{j} * width + c];
    }
    for (int c = 0; c < width && weight > 0; ++c) {
      (*means)[static_cast<size_t>(i) * width + c] = static_cast<float>(sum[c] / weight);
    }
  }
}

}  // namespace

std::vector<float> AttestationCodes(const std::string& attempt, int layer, uint32_t call,
                                    size_t count) {
  const Digest seed = Sha256("attestation " + attempt);
  std::array<uint32_t, 2> key;
  std::memcpy(key.data(), seed.data(), sizeof(key));
  std::vector<float> codes(count);
  for (size_t i = 0; i < count; i += 4) {
    auto words = Philox4x32({static_cast<uint32_t>(i), static_cast<uint32_t>(layer), call, 0}, key);
    for (size_t w = 0; w < 4 && i + w < count; ++w) {
      codes[i + w] = static_cast<float>(static_cast<int32_t>(words[w])) * 0x1p-31f;
    }
  }
  return codes;
}

Probe::Probe(const std::string& attempt, int longest, int heads, int head_size, at::Device device,
             at::ScalarType precision)
    : heads_(heads),
      width_(head_size % 16 == 0 ? 16 : head_size),
      device_(device),
      precision_(precision) {
  codes_ = AttestationCodes(attempt, 0, 0, (static_cast<size_t>(longest) + kPlaces) * width_);
  if (precision == at::kBFloat16) {
    for (float& code : codes_) code = c10::BFloat16(code);
  }
}

at::Tensor Probe::Question(const AttentionBatch& batch) {
  if (batch.size() == size_ && batch.padded() == padded_) return question_;
  size_ = batch.size();
  padded_ = batch.padded();
  // Token by token the same place for Q, K and V, however long the rows are: zeros stay.
  const int64_t hidden = int64_t{heads_} * width_, tokens = int64_t{size_} * padded_;
  if (!zeros_.defined() || zeros_.size(0) < tokens) zeros_ = at::zeros({tokens, 3 * hidden});
  float* to = zeros_.mutable_data_ptr<float>() + 2 * hidden;
  for (int b = 0; b < size_; ++b) {
    for (int j = 0; j < padded_; ++j, to += 3 * hidden) {
      for (int head = 0; head < heads_; ++head) {
        std::memcpy(to + head * width_, Codes(b) + int64_t{j} * width_, width_ * sizeof(float));
      }
    }
  }
  return question_ =
             zeros_.narrow(0, 0, tokens).view({size_, padded_, 3 * hidden}).to(device_, precision_);
}

int Probe::FirstMismatch(const at::Tensor& answer, int b, int head,
                         const std::shared_ptr<const KnownMask>& known) {
  if (known != asked_ || b % kPlaces != place_) {
    asked_ = known;
    place_ = b % kPlaces;
    Means(*known, Codes(b), width_, &expected_);
  }
  const int64_t hidden = int64_t{heads_} * width_;
  const float* output =
      answer.const_data_ptr<float>() + b * answer.size(1) * hidden + int64_t{head} * width_;
  const float* expected = expected_.data();
  const float relative = precision_ == at::kBFloat16 ? kRelativeOfBfloat16 : 0;
  for (int i = 0; i < known->mask.length(); ++i, output += hidden, expected += width_) {
    int wrong = 0;
    for (int c = 0; c < width_; ++c) {
      const float allowed = kTolerance + relative * std::fabs(expected[c]);
      wrong += !(std::fabs(output[c] - expected[c]) <= allowed);
    }
    if (wrong) return i;  // a NaN is wrong
  }
  return -1;
}

}  // namespace sparsweep
