#include "client/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  Options options;
  std::string command, text, error;
};
Outcome ParseWords(std::vector<const char*> words) {
  words.insert(words.begin(), "sparsweep");
  const auto line = MakeCommandLine();
  const Result<Parsed> parsed = Parse(line.get(), static_cast<int>(words.size()), words.data());
  if (!parsed.ok()) return {line->options, "", "", parsed.status().message()};
  return {line->options, parsed->command, parsed->text, ""};
}

TEST(CommandLine, FillsTheOptionsOfACommand) {
  const Outcome run = ParseWords({"run", "s.json", "--db", "x.db", "--slots", "4",
                                  "--threads-per-slot", "2", "--retry-failed", "--only", "7"});
  EXPECT_EQ(run.command, "run");
  EXPECT_EQ(run.options.subject, "s.json");
  EXPECT_EQ(run.options.db, "x.db");
  EXPECT_EQ(run.options.slots, 4);
  EXPECT_EQ(run.options.threads_per_slot, 2);
  EXPECT_TRUE(run.options.retry_failed);
  EXPECT_EQ(run.options.only_cell, 7u);
}

TEST(CommandLine, AFlagThatMayBeRepeatedTakesOneValueEachTime) {
  const Outcome pause = ParseWords({"pause", "--cell", "3", "--cell", "4", "quickstart"});
  EXPECT_EQ(pause.error, "");
  EXPECT_EQ(pause.options.cells, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(pause.options.subject, "quickstart");
}

TEST(CommandLine, NamesTheNearestCommand) {
  EXPECT_EQ(ParseWords({"stauts"}).error,
            "there is no command \"stauts\"; did you mean \"status\"? (see \"sparsweep --help\")");
}

TEST(CommandLine, NamesTheNearestFlag) {
  EXPECT_EQ(ParseWords({"run", "s.json", "--slot", "4"}).error,
            "\"run\" has no flag --slot; did you mean \"--slots\"? (see \"sparsweep run --help\")");
}

TEST(CommandLine, SaysWhatIsMissingOrWrongInOneLine) {
  for (const auto& [words, part] : std::vector<std::pair<std::vector<const char*>, const char*>>{
           {{"run"}, "sweep is required"},
           {{"run", "s.json", "--slots", "none"}, "--slots"},
           {{"run", "s.json", "--slots", "0"}, "--slots"},
           {{"server", "--listen", "7070"}, "\"7070\" is not HOST:PORT, as 127.0.0.1:7070"},
           {{"server", "--http", "127.0.0.1:70000"}, "is not HOST:PORT"},
           {{"completion", "tcsh"}, "tcsh"}}) {
    const std::string error = ParseWords(words).error;
    EXPECT_THAT(error, HasSubstr(part));
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(CommandLine, EveryCommandHasHelpWithAnExample) {
  const auto line = MakeCommandLine();
  for (const CLI::App* command : line->app->get_subcommands({})) {
    const Outcome help = ParseWords({command->get_name().c_str(), "--help"});
    EXPECT_EQ(help.error, "");
    EXPECT_THAT(help.text, HasSubstr("Examples:\n  "));
    EXPECT_THAT(help.text, HasSubstr("sparsweep " + command->get_name()));
  }
}

TEST(CommandLine, WithoutACommandShowsTheHelp) {
  EXPECT_THAT(ParseWords({}).text, HasSubstr("sparsweep run sweeps/quickstart.json"));
  EXPECT_THAT(ParseWords({"--version"}).text, HasSubstr(kVersion));
}

TEST(CommandLine, CompletionKnowsEveryCommandAndItsFlags) {
  const auto line = MakeCommandLine();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = CompletionScript(*line->app, shell);
    for (const CLI::App* command : line->app->get_subcommands({})) {
      EXPECT_THAT(script, HasSubstr(command->get_name())) << shell;
    }
    EXPECT_THAT(script, HasSubstr("threads-per-slot")) << shell;
  }
}

}  // namespace
}  // namespace sparsweep
