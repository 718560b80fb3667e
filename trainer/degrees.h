// The degree parameters of one trial: logits of learned_window, spans of adaptive_span; the windows
// that a model's layers attend under, and the price of their density.
//
// A parameter is shared by the heads of one layer that have the same learned_window with per=layer;
// all others are a head's own. Not here: attention under a window (attention/soft_window.h), what
// is learned from it after an epoch (learned_run.h). One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/hardening.h"
#include "core/plan.h"
#include "core/result.h"

namespace sparsweep {

// The windows of a layer's learned heads: weights [heads.size(), distances], ascending heads.
struct SoftWindows {
  std::vector<int> heads;
  at::Tensor weights;
};

class Degrees {
 public:
  // `plan` must outlive this. Density is priced over these lengths: those of the training split.
  Degrees(const Plan& plan, const LengthCounts& lengths, at::Device device);

  // Leaves that require gradients.
  std::vector<at::Tensor> parameters() const;
  SoftWindows Windows(int layer) const;
  // The mean over the layers with learned_window of their heads' mean expected density, plus the
  // mean over those with adaptive_span of their heads' mean z; to be multiplied with lambda.
  at::Tensor Price() const;
  // What has been learned so far. An error where a parameter is not finite.
  Result<LearnedDegrees> Current() const;
  // Heads that share a parameter, by layer and first head: the rows of a result.
  struct Cell {
    int layer;
    std::vector<int> heads;
  };
  std::vector<Cell> cells() const;

 private:
  // Parameters of equal patterns of a layer: one row, or one for each head.
  struct Group {
    int layer;
    const Pattern* pattern;
    std::vector<int> heads;
    bool shared;
    at::Tensor value;  // logits [rows, max + 1], or u [rows]
    int rows() const { return shared ? 1 : static_cast<int>(heads.size()); }
  };
  at::Tensor Weights(const Group& group) const;  // [rows, distances]

  const Plan& plan_;
  int distances_;
  at::Tensor shares_;  // of each distance in the density
  std::vector<Group> groups_;
};

}  // namespace sparsweep
