// Where the sentences of a text begin and end, for a parser that wants one at a time. Part of what
// `syntax` computes: a change of the rule is a change of the numerics version. Any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sparsweep {

// [begin, end) in bytes, without the white space around. A sentence ends at a blank line, and after
// a run of . ! ? … with closing quotes and brackets behind it, if white space follows and the next
// letter is not lower-case. A single full stop after an initial ("J.") or one of a few
// abbreviations ("Dr.", "e.g.") ends nothing. `text` is valid UTF-8.
std::vector<std::pair<uint32_t, uint32_t>> SplitSentences(std::string_view text);

}  // namespace sparsweep
