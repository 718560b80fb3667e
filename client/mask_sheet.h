// The answer of a mask request as masks: what `sparsweep mask` draws, from whichever program made it.
//
// Not here: how an answer comes about (core/mask_request.h, `sparsweep-trainer mask`) and how it is
// shown (client/mask_formats.h). Values: any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/mask.h"
#include "core/result.h"

namespace sparsweep {

struct MaskSheet {
  std::string canonical;
  std::vector<int> layers, heads;  // numbers of the layers and heads that are shown, ascending
  int length = 0;                  // real tokens
  std::vector<int> index;          // layers x heads, into `masks`
  std::vector<Mask> masks;         // equal ones are held once
  // Of a request with a text, else empty: the tokens, the words, and where the plan has syntax the
  // pairs of words that the parse joins; the first of a pair is the lower one, or -1 for ROOT.
  std::vector<std::string> tokens, words;
  std::vector<std::pair<int, int>> edges;

  const Mask& at(size_t layer, size_t head) const {
    return masks[static_cast<size_t>(index[layer * heads.size() + head])];
  }
};

// `answer`: one line of JSON with "rows" (core/mask_request.h).
Result<MaskSheet> ParseMaskSheet(const std::string& answer);

// The part of one layer, one head, or both; -1 keeps all.
Result<MaskSheet> SelectMasks(const MaskSheet& sheet, int layer, int head);

}  // namespace sparsweep
