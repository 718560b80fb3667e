// Attestation: asks the attention operator which masks it applies, instead of believing the plan.
//
// With Q = 0 every kept key has the same weight (its multiplicity, where a pattern has weights), so
// that an output row is the mean of the V of the keys that were kept. V holds pseudo-random codes
// (from the attempt's name), so that no other set of keys gives the same mean. The operator is
// called as the model's layers call it: through the model, by layer, all heads at once, for every
// length of the trial, and for every example where masks are each example's own; the expectation
// comes from core's plan and BuildMask (or the examples' masks) alone. Byte forms of hashes and
// root: docs/attestation.md. One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "attention/attention.h"
#include "core/result.h"
#include "core/trial.h"

namespace sparsweep {

struct AttestRequest {
  const Plan* plan;
  uint64_t mask_seed = 0;
  std::map<int, int64_t> lengths;  // real length -> examples of the trial (train and dev)
  std::string attempt;             // seeds the codes
  int head_size = 64;              // of the model: decides which implementation runs
  at::Device device = at::kCPU;
  Implementation implementation = Implementation::kAuto;
  LengthMasks learned = {};  // what learned patterns are hardened to; without it they are not asked
  // For masks that are each example's own, or that know the phase of the trial: the examples' masks
  // as in MaskPlanOptions, the real length of every example, train first, and how many are train.
  ExampleMasks examples = {};
  std::vector<int> example_lengths = {};
  int64_t train = 0;
  at::ScalarType precision = at::kFloat;  // of the operator: kFloat or kBFloat16
  // Examples from here on (of test) are asked and not counted; -1: all are counted.
  int64_t counted = -1;
};

// Pseudo-random codes in [-1, 1) for V: a function of the attempt, the layer and the call.
std::vector<float> AttestationCodes(const std::string& attempt, int layer, uint32_t call,
                                    size_t count);

// How the model computes attention in `layer` (without dropout), and the path it records for a
// head.
using LayerAttention = std::function<at::Tensor(int layer, const at::Tensor& qkv, AttentionBatch&)>;
using LayerPath = std::function<AttentionPath(int layer, int head)>;

struct Attestation {
  std::vector<MaskRow> rows;  // layers x heads
  std::string root;           // hex
  double density = 1;         // over the real tokens, all layers, heads and examples
  double tile_sparsity = 0;
};

// An error names the first layer, head, length and query whose output is not what the plan keeps.
Result<Attestation> Attest(const AttestRequest& request, const LayerAttention& attention,
                           const LayerPath& path, MaskCache& cache);

}  // namespace sparsweep
