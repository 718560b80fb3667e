// `training.freeze`: which pre-trained weights stay as they are. Pure functions.
#pragma once

#include <string>

#include "core/result.h"

namespace sparsweep {

struct Freeze {
  bool embeddings = false;  // tables and their normalisation
  int layers = 0;           // the first n

  bool operator==(const Freeze&) const = default;
};

// "none", "embeddings", "first N", "embeddings + first N". The error is one sentence about the text.
Result<Freeze> ParseFreeze(const std::string& text);
// The one spelling that is stored.
std::string FreezeText(const Freeze& freeze);

}  // namespace sparsweep
