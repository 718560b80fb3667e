#include "worker/attempt_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace sparsweep {
namespace {

// A folder of its own, removed afterwards.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("attempt_log_test." + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

TEST(AttemptLog, SendsItsTailInPiecesAndKeepsTheWhole) {
  const Folder folder;
  AttemptLog log(folder.path);
  log.Append("one\ntwo\n");
  EXPECT_EQ(log.Tail(4), "one\n");
  log.Sent(4);
  EXPECT_EQ(log.offset(), 4);
  log.Append("three\n");
  EXPECT_EQ(log.Tail(100), "two\nthree\n");
  EXPECT_EQ(log.Whole(), "one\ntwo\nthree\n");
}

TEST(AttemptLog, IsCutOffAtItsLimitWithAWord) {
  const Folder folder;
  AttemptLog log(folder.path);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) log.Append(piece);
  const std::string whole = log.Whole();
  EXPECT_LT(whole.size(), static_cast<size_t>(AttemptLog::kLimit) + 100);
  EXPECT_THAT(whole, testing::EndsWith("[the log is cut off here: it is longer than 8 MiB]\n"));
}

TEST(AttemptLog, LeavesNoFileBehindHoweverTheProcessEnds) {
  const Folder folder;
  AttemptLog log(folder.path);
  EXPECT_EQ(log.Whole(), "");
  log.Append("x");
  EXPECT_EQ(log.Whole(), "x");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(ValidUtf8, KeepsWhatIsValidAndTheLengthOfWhatIsNot) {
  EXPECT_EQ(ValidUtf8("plain äöü € 😀"), "plain äöü € 😀");
  EXPECT_EQ(ValidUtf8("a\xff\xc0z"), "a??z");
  EXPECT_EQ(ValidUtf8("\xed\xa0\x80z"), "???z");  // a surrogate
}

TEST(ValidUtf8, LeavesAnIncompleteSequenceAtTheEndForLater) {
  EXPECT_EQ(ValidUtf8("a\xe2\x82"), "a");
  EXPECT_EQ(ValidUtf8("a\xe2\x82 b"), "a?? b");
}

}  // namespace
}  // namespace sparsweep
