#include "worker/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>

namespace sparsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A child and everything it says until it ends.
struct Watched {
  boost::asio::io_context io;
  std::unique_ptr<Child> child;
  std::vector<std::string> lines;
  std::string log;
  std::string broken;
  std::optional<ChildExit> exit;
  std::function<void(const std::string&)> on_line;

  explicit Watched(const std::string& behaviour, size_t max_line = 1 << 20) {
    ChildEvents events;
    events.on_line = [this](std::string_view line) {
      lines.emplace_back(line);
      if (on_line) on_line(lines.back());
    };
    events.on_log = [this](std::string_view text) { log += text; };
    events.on_broken = [this](const std::string& sentence) {
      broken = sentence;
      child->Signal(SIGKILL);
    };
    events.on_exit = [this](const ChildExit& how) {
      exit = how;
      child.reset();
      io.stop();
    };
    auto started = Child::Start(io, {FAKE_CHILD, behaviour}, max_line, std::move(events));
    if (started.ok()) child = std::move(started).value();
  }
  // Returns when the child ended; the limit only keeps a broken test from hanging.
  void Run() { io.run_for(std::chrono::seconds(20)); }
};

TEST(Child, AnswersALineThatWasSent) {
  Watched watched("echo");
  watched.child->Send("hello\n");
  watched.Run();
  EXPECT_THAT(watched.lines, ElementsAre("hello"));
  ASSERT_TRUE(watched.exit);
  EXPECT_FALSE(watched.exit->signalled);
  EXPECT_EQ(watched.exit->code, 0);
  EXPECT_GT(watched.exit->peak_bytes, 0);
}

TEST(Child, PutsLinesTogetherFromPieces) {
  Watched watched("pieces");
  watched.Run();
  EXPECT_THAT(watched.lines, ElementsAre("one", "two"));
}

TEST(Child, TakesALineUpToTheLimit) {
  Watched watched("big", 1'000'000);
  watched.Run();
  ASSERT_EQ(watched.lines.size(), 1u);
  EXPECT_EQ(watched.lines[0].size(), 1'000'000u);
  EXPECT_EQ(watched.broken, "");
}

TEST(Child, StopsReadingALineThatIsTooLong) {
  Watched watched("endless", 100'000);
  watched.Run();
  EXPECT_EQ(watched.broken, "the trainer sent a line above 100000 bytes");
  EXPECT_TRUE(watched.lines.empty());
  ASSERT_TRUE(watched.exit);
  EXPECT_TRUE(watched.exit->signalled);
}

TEST(Child, CollectsBothOutputsAndTheExitCode) {
  Watched watched("log");
  watched.Run();
  EXPECT_THAT(watched.log, HasSubstr("to stderr\n"));
  EXPECT_THAT(watched.log, HasSubstr("to stdout\n"));
  ASSERT_TRUE(watched.exit);
  EXPECT_EQ(watched.exit->code, 5);
}

TEST(Child, SaysBySignalWhatACrashWasAndLosesNothingSaidBefore) {
  Watched watched("crash");
  watched.Run();
  EXPECT_THAT(watched.lines, ElementsAre("last"));
  EXPECT_EQ(watched.log, "about to crash\n");
  ASSERT_TRUE(watched.exit);
  EXPECT_TRUE(watched.exit->signalled);
  EXPECT_EQ(watched.exit->code, SIGSEGV);
}

TEST(Child, IsKilledWhereItIgnoresTerm) {
  Watched watched("hang");
  watched.on_line = [&](const std::string&) {
    watched.child->Signal(SIGTERM);
    watched.child->Signal(SIGKILL);
  };
  watched.Run();
  ASSERT_TRUE(watched.exit);
  EXPECT_EQ(watched.exit->code, SIGKILL);
}

TEST(Child, EndsByItselfWhenTheProtocolIsClosed) {
  Watched watched("wait");
  watched.on_line = [&](const std::string&) { watched.child->Close(); };
  watched.Run();
  ASSERT_TRUE(watched.exit);
  EXPECT_EQ(watched.exit->code, 7);
}

TEST(Child, IsKilledAndReapedWithItsOwner) {
  int pid = 0;
  {
    Watched watched("hang");
    pid = watched.child->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(Child, ThatCannotBeStartedIsAnErrorWithItsName) {
  boost::asio::io_context io;
  const auto child = Child::Start(io, {"/nonexistent/trainer"}, 1000, {});
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(child.status().message(),
            "cannot start /nonexistent/trainer: No such file or directory");
}

}  // namespace
}  // namespace sparsweep
