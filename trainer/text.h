// UTF-8 questions that reading data asks. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace sparsweep {

// Well-formed UTF-8: no overlong forms, surrogates or code points beyond U+10FFFF.
bool IsUtf8(std::string_view text);
// Of bytes that are not, the start of a file: what to complain of.
const char* WhyNotUtf8(std::string_view start);

// Bytes of the first character of `text`, which is valid UTF-8 and not empty.
size_t FirstSize(std::string_view text);
// That character.
char32_t FirstCharacter(std::string_view text);

// White space as Python's str.split and str.strip know it.
bool IsSpace(char32_t character);

// Without the white space (Unicode's, as Python's str.strip) at both ends. `text` is valid UTF-8.
std::string_view Trim(std::string_view text);
// The same at the start alone.
std::string_view TrimStart(std::string_view text);

}  // namespace sparsweep
