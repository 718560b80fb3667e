// What the outputs are: a terminal or not, its width, colours or not. Read once at start.
#pragma once

#include <string>
#include <string_view>

namespace sparsweep {

struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color = false;  // on stdout; NO_COLOR and TERM=dumb switch it off
  int width = 100;     // of a terminal; 0 elsewhere: no limit
};
const Terminal& TheTerminal();

// The text in a style, where colours are on.
std::string Bold(std::string_view text);
std::string Dim(std::string_view text);
std::string Green(std::string_view text);
std::string Yellow(std::string_view text);
std::string Red(std::string_view text);

}  // namespace sparsweep
