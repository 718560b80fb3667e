// How an error shows a place in a line of source: the text with a caret under the place. Everything
// shown is printable ASCII and short, whatever the source holds. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sparsweep {

// `"windo"`, for a sentence; long texts are cut, unprintable characters are question marks.
std::string Quoted(std::string_view text);

// Two lines, each beginning with a line feed: the source (an excerpt where it is long) and a caret
// under byte `offset` of it, which may be the end.
std::string CaretLines(std::string_view source, size_t offset);

// The first line of a message: its sentence without the lines that CaretLines added.
std::string FirstLine(std::string_view message);

}  // namespace sparsweep
