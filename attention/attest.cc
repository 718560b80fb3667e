#include "attention/attest.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "core/philox.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

constexpr float kTolerance = 1e-4f;
constexpr int kLengthsPerCall = 16;

// A code in [-1, 1) for one number of V.
std::vector<float> Codes(const std::string& attempt, int layer, uint32_t call, size_t count) {
  Digest seed = Sha256("attestation " + attempt);
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

// Whether an output row is the mean of the codes of the keys kept in the mask's row. The code of
// key j begins at j * stride.
bool RowMatches(const Mask& mask, int query, const float* codes, int64_t stride,
                const float* output, int width) {
  std::vector<double> sum(width, 0.0);
  int kept = 0;
  for (int word = 0; word < mask.words(); ++word) {
    for (uint64_t bits = mask.row(query)[word]; bits; bits &= bits - 1) {
      const float* code = codes + (word * 64 + std::countr_zero(bits)) * stride;
      for (int c = 0; c < width; ++c) sum[c] += code[c];
      ++kept;
    }
  }
  for (int c = 0; c < width; ++c) {
    float error = std::fabs(output[c] - static_cast<float>(kept ? sum[c] / kept : 0.0));
    if (!(error <= kTolerance)) return false;  // a NaN is no match
  }
  return true;
}

void AppendU32(uint32_t value, std::string* bytes) {
  for (int i = 0; i < 4; ++i) bytes->push_back(static_cast<char>(value >> (8 * i)));
}

class Probe {
 public:
  Probe(const AttestRequest& request, const LayerAttention& attention, MaskCache& cache)
      : request_(request),
        attention_(attention),
        cache_(cache),
        width_(request.head_size % 16 == 0 ? 16 : request.head_size) {}

  std::shared_ptr<const KnownMask> Known(int layer, int head, int length) {
    const Plan& plan = *request_.plan;
    return cache_.Get(plan.at(layer, head), length,
                      {request_.mask_seed, layer, head, plan.context().max_length, plan.heads()});
  }

  // Calls the operator of one layer for some lengths and compares every row of every head.
  Status Check(int layer, uint32_t call, const std::vector<int>& lengths) {
    const int heads = request_.plan->heads();
    const int padded = lengths.back(), hidden = heads * width_;
    const int count = static_cast<int>(lengths.size());
    std::vector<float> codes =
        Codes(request_.attempt, layer, call, static_cast<size_t>(count) * padded * hidden);
    at::Tensor qkv = at::zeros({count, padded, 3 * hidden});
    qkv.narrow(2, 2 * hidden, hidden).copy_(at::from_blob(codes.data(), {count, padded, hidden}));
    AttentionBatch batch(lengths, padded, request_.implementation);
    at::Tensor out = attention_(layer, qkv.to(request_.device), batch).to(at::kCPU).contiguous();
    const float* output = out.const_data_ptr<float>();
    for (int b = 0; b < count; ++b) {
      for (int head = 0; head < heads; ++head) {
        auto known = Known(layer, head, lengths[b]);
        int64_t example = int64_t{b} * padded * hidden + head * width_;
        for (int i = 0; i < lengths[b]; ++i) {
          if (!RowMatches(known->mask, i, codes.data() + example, hidden,
                          output + example + int64_t{i} * hidden, width_)) {
            return Mismatch(layer, head, lengths[b], i);
          }
        }
      }
    }
    return {};
  }

 private:
  Status Mismatch(int layer, int head, int length, int query) const {
    return {StatusCode::kInternal,
            "the attention operator did not apply the plan: layer " + std::to_string(layer) +
                " head " + std::to_string(head) + " at length " + std::to_string(length) +
                " used other keys than " + ToText(request_.plan->at(layer, head)) + " for query " +
                std::to_string(query)};
  }

  const AttestRequest& request_;
  const LayerAttention& attention_;
  MaskCache& cache_;
  int width_;
};

}  // namespace

Result<Attestation> Attest(const AttestRequest& request, const LayerAttention& attention,
                           const LayerPath& path, MaskCache& cache) {
  at::NoGradGuard no_grad;
  Probe probe(request, attention, cache);
  Attestation attestation;
  std::string lines;
  int64_t all_kept = 0, all_entries = 0, all_tiles = 0, all_tiles_kept = 0;
  for (int layer = 0; layer < request.plan->layers(); ++layer) {
    std::vector<int> lengths;
    uint32_t call = 0;
    for (auto next = request.lengths.begin(); next != request.lengths.end();) {
      lengths.push_back(next->first);
      ++next;
      if (lengths.size() == kLengthsPerCall || next == request.lengths.end()) {
        Status status = probe.Check(layer, call++, lengths);
        if (!status.ok()) return status;
        lengths.clear();
      }
    }
    for (int head = 0; head < request.plan->heads(); ++head) {
      MaskRow row;
      row.layer = layer;
      row.head = head;
      row.path = AttentionPathName(path(layer, head));
      int64_t entries = 0, tiles = 0, tiles_kept = 0;
      Sha256Hasher hasher;
      for (auto [length, examples] : request.lengths) {
        auto known = probe.Known(layer, head, length);
        int64_t side = (length + 63) / 64;
        row.kept += examples * known->kept;
        row.empty_rows += examples * known->empty_rows;
        entries += examples * length * length;
        tiles += examples * side * side;
        tiles_kept += examples * known->tiles_kept;
        std::string number;
        AppendU32(static_cast<uint32_t>(length), &number);
        hasher.Update(number);
        hasher.Update(known->hash.data(), known->hash.size());
        lines += std::to_string(layer) + " " + std::to_string(head) + " " + std::to_string(length) +
                 " " + std::to_string(known->kept) + " " + Hex(known->hash) + " " + row.path + "\n";
      }
      row.density = entries ? static_cast<double>(row.kept) / static_cast<double>(entries) : 0;
      row.tile_sparsity =
          tiles ? 1 - static_cast<double>(tiles_kept) / static_cast<double>(tiles) : 0;
      row.hash = Hex(hasher.Finish());
      all_kept += row.kept;
      all_entries += entries;
      all_tiles += tiles;
      all_tiles_kept += tiles_kept;
      attestation.rows.push_back(std::move(row));
    }
  }
  attestation.root = Sha256Hex(lines);
  if (all_entries)
    attestation.density = static_cast<double>(all_kept) / static_cast<double>(all_entries);
  if (all_tiles) {
    attestation.tile_sparsity =
        1 - static_cast<double>(all_tiles_kept) / static_cast<double>(all_tiles);
  }
  return attestation;
}

}  // namespace sparsweep
