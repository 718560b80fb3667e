// The masks that come from the words of one example: implemented by the trainer program, which has
// tokenizer, parses and word vectors (the core has none of them). Read-only: any thread.
#pragma once

#include "core/mask.h"
#include "core/pattern.h"

namespace sparsweep {

class TextMasks {
 public:
  virtual ~TextMasks() = default;
  // Adds what the pattern keeps in this example to `mask`, whose length is the example's.
  virtual void Add(const Syntax& pattern, Mask* mask) const = 0;
  virtual void Add(const Lexical& pattern, Mask* mask) const = 0;
};

}  // namespace sparsweep
