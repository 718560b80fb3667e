// `$axis` in an attention template: axis values are spliced in as source, token by token, and the
// text so made remembers which bytes came from which axis, so that an error can name the axis.
//
// Splicing knows nothing of patterns; core/plan.h parses the result. Any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sparsweep {

// Bytes [begin, end) of the spliced text are the value of `axis`.
struct AxisSpan {
  size_t begin = 0;
  size_t end = 0;
  std::string axis;
  bool operator==(const AxisSpan&) const = default;
};

struct Spliced {
  std::string text;
  std::vector<AxisSpan> spans;  // ascending, disjoint
};

// Replaces every `$name` by values[name]. A value where a pattern stands counts as parenthesised
// (parentheses are written only where they matter); one with ';' is legal only where the template
// is exactly `$name`. An unknown axis, an empty value, one that does not close its parentheses and
// one that names an axis itself are refused. A name reaches as far as letters, digits and '_' do:
// `$width` is never `$w` and "idth".
Result<Spliced> Splice(std::string_view attention,
                       const std::map<std::string, std::string>& values);

// The axes that the template names, each once, in order of first use.
std::vector<std::string> AxesUsed(std::string_view attention);

// Refuses `source`: the sentence (with `axis "w": ` before it where the place came from that axis),
// then the text with a caret under byte `offset` (core/caret.h).
Status RefuseAt(const Spliced& source, size_t offset, const std::string& sentence);

}  // namespace sparsweep
