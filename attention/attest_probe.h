// One question to the attention operator: V with codes, and whether each output row is the mean of
// the codes of the keys that a mask keeps. Not here: which questions are asked, and what is stored
// (attest.h). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "attention/attention.h"

namespace sparsweep {

class Probe {
 public:
  // Codes for texts of up to `longest` tokens, which `precision` can hold; `head_size` of the
  // model.
  Probe(const std::string& attempt, int longest, int heads, int head_size, at::Device device,
        at::ScalarType precision = at::kFloat);

  // Q = K = 0 and V = codes for these texts; a few texts share them, each from another place on.
  // Holds until the next question, and is not to be written.
  at::Tensor Question(const AttentionBatch& batch);
  // The first query of text b whose output of `head` is not what the mask keeps, or -1. `answer` is
  // the operator's output on the CPU. What the last mask expects is remembered: heads often have
  // theirs in common.
  int FirstMismatch(const at::Tensor& answer, int b, int head,
                    const std::shared_ptr<const KnownMask>& known);

 private:
  const float* Codes(int b) const { return codes_.data() + b % kPlaces * width_; }

  static constexpr int kPlaces = 61;
  int heads_, width_;
  at::Device device_;
  at::ScalarType precision_;
  at::Tensor question_;  // the last one, of size_ texts padded to padded_
  int size_ = 0, padded_ = 0;
  at::Tensor zeros_;          // where questions are written, tokens x 3 * heads * width_
  std::vector<float> codes_;  // of key j in text b: width_ numbers from Codes(b) + j * width_
  std::shared_ptr<const KnownMask> asked_;  // the last mask, at place_ of the codes
  int place_ = -1;
  std::vector<float> expected_;  // of it
};

}  // namespace sparsweep
