// The log starts over while the writer goes on, and waits for readers.
#include "server/store/write_ahead_log.h"

#include <gtest/gtest.h>

#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using std::chrono::milliseconds;

class LogTest : public ::testing::Test {
 protected:
  LogTest() : file(*StoreFile::Open(folder / "a.db")) {
    file->db().Execute("CREATE TABLE filler (bytes BLOB)");
  }
  // About 1 MiB of log.
  void Commit() {
    {
      Transaction transaction(file->db());
      file->db().Execute("INSERT INTO filler VALUES (zeroblob(1000000))");
      file->db().Execute("DELETE FROM filler WHERE rowid % 7 = 0");
      transaction.Commit();
    }
    file->log().FinishIfDue();
  }

  const TempFolder folder;
  std::unique_ptr<StoreFile> file;
};

TEST_F(LogTest, StartsOverWithoutACheckpointOfTheWritersOwn) {
  int started_over = 0;
  for (int i = 0; i < 400 && started_over < 3; ++i) {
    const int64_t before = file->log().bytes();
    Commit();
    started_over += file->log().bytes() < before;
    ASSERT_LT(file->log().bytes(), 64 << 20);
  }
  EXPECT_EQ(started_over, 3);
}

TEST_F(LogTest, IsLongWhileAReaderNeedsIt) {
  Commit();
  const auto reader = OpenForReading(folder / "a.db");
  ASSERT_TRUE(reader.ok());
  {
    const Transaction reading(**reader, Transaction::Kind::kRead);
    Statement read = (*reader)->Prepare("SELECT count(*) FROM filler");
    ASSERT_TRUE(read.Step());
    for (int i = 0; i < 30; ++i) Commit();
    EXPECT_GT(file->log().bytes(), 28 << 20);
    EXPECT_FALSE(file->log().WaitUntilShort(milliseconds(0)));
  }
  EXPECT_TRUE(file->log().WaitUntilShort(milliseconds(10'000))) << "and nothing is committed";
}

}  // namespace
}  // namespace sparsweep
