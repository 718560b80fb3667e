// The log starts over while the writer goes on, and waits for readers. A commit is one write to it.
#include "server/store/write_ahead_log.h"

#include <gtest/gtest.h>

#include <cerrno>

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

// SQLite's way to the system, counted, and full when a test says so.
int writes = 0;
ssize_t (*real_pwrite)(int, const void*, size_t, off_t) = nullptr;
bool full = false;
ssize_t CountedPwrite(int file, const void* bytes, size_t size, off_t at) {
  ++writes;
  if (full) return errno = ENOSPC, -1;
  return real_pwrite(file, bytes, size, at);
}

class JoinedWritesTest : public LogTest {
 protected:
  JoinedWritesTest() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    real_pwrite = reinterpret_cast<decltype(real_pwrite)>(vfs->xGetSystemCall(vfs, "pwrite64"));
    vfs->xSetSystemCall(vfs, "pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(CountedPwrite));
  }
  ~JoinedWritesTest() override {
    full = false;
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, "pwrite64", nullptr);
  }
  int64_t Rows() {
    const auto reader = OpenForReading(folder / "a.db");
    Statement read = (*reader)->Prepare("SELECT count(*) FROM filler WHERE length(bytes) > 0");
    read.Step();
    return read.Int(0);
  }
  void Insert(int rows) {
    Transaction transaction(file->db());
    for (int i = 0; i < rows; ++i) {
      file->db().Execute("INSERT INTO filler VALUES (zeroblob(3000))");
    }
    transaction.Commit();
  }
};

TEST_F(JoinedWritesTest, ACommitIsOneWriteAndOthersSeeIt) {
  writes = 0;
  Insert(10);
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(Rows(), 10);
}

TEST_F(JoinedWritesTest, ALargeCommitIsWhole) {
  writes = 0;
  Insert(1000);
  EXPECT_GT(writes, 3000 * 1000 / (64 << 10));
  EXPECT_LT(writes, 2 * 3000 * 1000 / (64 << 10));
  EXPECT_EQ(Rows(), 1000);
  Statement check = file->db().Prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check.Step());
  EXPECT_EQ(check.Text(0), "ok");
}

TEST_F(JoinedWritesTest, ACommitThatDoesNotFitFailsAndTheNextIsWhole) {
  Insert(1);
  full = true;
  const Status status = Guard([&] { Insert(10); });
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.message();
  full = false;
  EXPECT_EQ(Rows(), 1);
  Insert(2);
  EXPECT_EQ(Rows(), 3);
}

}  // namespace
}  // namespace sparsweep
