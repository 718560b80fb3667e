#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace sparsweep {
namespace {

Terminal Look() {
  Terminal out;
  out.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  out.err_is_terminal = isatty(STDERR_FILENO) != 0;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  out.color = out.out_is_terminal && (no_color == nullptr || *no_color == '\0') &&
              term != nullptr && std::strcmp(term, "dumb") != 0;
  winsize size{};
  if (!out.out_is_terminal) {
    out.width = 0;
  } else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    out.width = size.ws_col;
  }
  return out;
}

std::string Styled(const char* code, std::string_view text) {
  if (!TheTerminal().color) return std::string(text);
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace

const Terminal& TheTerminal() {
  static const Terminal terminal = Look();
  return terminal;
}

std::string Bold(std::string_view text) { return Styled("1", text); }
std::string Dim(std::string_view text) { return Styled("2", text); }
std::string Green(std::string_view text) { return Styled("32", text); }
std::string Yellow(std::string_view text) { return Styled("33", text); }
std::string Red(std::string_view text) { return Styled("31", text); }

}  // namespace sparsweep
