// The command line: which commands and flags there are, their help and their examples.
//
// Parsing fills an Options and does nothing else; main.cc runs the command.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "client/commands.h"
#include "core/result.h"

namespace sparsweep {

inline constexpr const char* kVersion = "0.1.0";

struct CommandLine {
  std::unique_ptr<CLI::App> app;
  Options options;
};
std::unique_ptr<CommandLine> MakeCommandLine();

struct Parsed {
  std::string command;  // "run", "server", ...; empty where `text` is all there is to say
  std::string text;     // help or version, for stdout
};
// An unknown command or flag is an error that names the nearest one.
Result<Parsed> Parse(CommandLine* line, int argc, const char* const* argv);

// The completion script for bash, zsh or fish, made from the commands and flags of `app`.
std::string CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace sparsweep
