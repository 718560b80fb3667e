// What `sparsweep mask` answers: the masks of one attention text at one length, without a model.
//
// A request and its answer are JSON objects. Pure functions of their arguments: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sparsweep {

class TextMasks;  // core/text_masks.h

// Longest text whose masks are shown: a mask has length^2 bits.
inline constexpr int kMaxMaskLength = 32768;

// The key of an example's draws (ExampleKey) by its name: "train/17", or "train/17/2" for the third
// window of a long text. Numbers are spelled as they print.
std::optional<uint64_t> ParseExample(std::string_view name);

struct MaskRequest {
  std::string attention;
  int layers = 0;
  int heads = 0;
  int length = 0;           // real tokens
  int max_length = 0;       // for the canonical form and over=max; 0: `length`
  uint64_t mask_seed = 0;   // 0 .. 2^53 - 1
  bool rows = false;        // also the rows, as hex
  std::string example = "";  // ParseExample, for each=example
  bool evaluation = false;  // the masks of evaluation, where they differ from those of training
};

// The answer as one line of JSON:
//   {"attention", "canonical", "layers", "heads", "length", "kept": [[..]], "density": [[..]],
//    "empty_rows": [[..]], "sha256": [[..]]}
// where arrays are layers x heads, and with rows: "rows": layers x heads x length hex strings,
// least significant bit first (Mask::RowHex). The error of a refused request is for people: several
// lines where a caret shows the place.
// `text`: the words of a text of this length, for patterns that need them; each=example is then
// drawn with the key 0, as of no example, unless `example` names one.
Result<std::string> TryMaskRequest(const MaskRequest& request, const TextMasks* text = nullptr);

// The same, but a refused request is answered as {"attention": .., "error": "one sentence"}.
std::string AnswerMaskRequest(const MaskRequest& request);

// One line of `--batch`: an object with the fields of MaskRequest; attention, layers, heads and
// length are needed, unknown fields refused.
Result<MaskRequest> ParseMaskRequest(const std::string& json_line);

// Parses and answers one line of `--batch`. "attention" is null where the line has none.
std::string AnswerMaskLine(const std::string& json_line);

}  // namespace sparsweep
