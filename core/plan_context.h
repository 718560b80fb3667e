// What an attention text is resolved against: the size of the model and of its longest text.
// Values: any thread.
#pragma once

namespace sparsweep {

struct PlanContext {
  int layers = 0;
  int heads = 0;
  int max_length = 0;  // L_max of the canonical form, in tokens
};

// The largest contexts that are accepted.
inline constexpr int kMaxLayers = 1000;
inline constexpr int kMaxHeads = 1000;
inline constexpr int kMaxLength = 1'000'000;
// The most positions for which exact=hf draws its lists, all of them for any text.
inline constexpr int kMaxHfPositions = 16384;

}  // namespace sparsweep
