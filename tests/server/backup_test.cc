// Backups beside deletions: what went since the copy was made is not in it, what is lost is said.
#include "server/store/backup.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "server/store/blobs.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() : file_(*StoreFile::Open(path_)) {
    for (const std::string& bytes : {log_, other_}) {
      BlobWriter blob(path_ + ".blobs", Sha256Hex(bytes));
      SPARSWEEP_CHECK(blob.Append(bytes).ok() && blob.Finish().ok());
      Execute("INSERT INTO blob (sha256, size) VALUES ('" + blob.sha256() + "', 1)");
    }
    Execute("INSERT INTO trial (id, identity, state, common_id, canonical, seed) VALUES (1, '" +
            std::string(64, 'a') + "', 'failed', 1, 'dense', 1)");
    Execute("INSERT INTO attempt (trial_id, number, worker, incarnation, sweep_id, state, "
            "started_at, log_blob) VALUES (1, 1, 'w', 'one', 1, 'failed', 0, '" +
            Sha256Hex(log_) + "')");
    Database live(path_, Database::Mode::kReadOnly);
    CopyPages(live, copy_);
  }
  void Execute(const std::string& sql) { file_->db().Execute(sql.c_str()); }
  std::string InTheCopy(const std::string& sql) {
    Database copy(copy_, Database::Mode::kReadOnly);
    Statement read = copy.Prepare(sql.c_str());
    return read.Step() ? read.Text(0) : "nothing";
  }

  const TempFolder folder_;
  const std::string path_ = folder_ / "a.db", copy_ = folder_ / "copy.db";
  const std::string blobs_ = copy_ + ".blobs";
  const std::string log_ = std::string(kSmallBlobBytes + 1, 'x');
  const std::string other_ = std::string(kSmallBlobBytes + 1, 'y');
  std::unique_ptr<StoreFile> file_;
};

TEST_F(BackupTest, ALogThatWasDeletedSinceIsNotInTheCopyEither) {
  Execute("DELETE FROM attempt; DELETE FROM blob WHERE sha256 = '" + Sha256Hex(log_) + "'");
  RemoveBlobFiles(path_ + ".blobs", {Sha256Hex(log_)});
  const auto copied = CopyBlobs(path_, copy_, blobs_);
  ASSERT_TRUE(copied.ok()) << copied.status().message();
  EXPECT_EQ(*copied, 1);
  EXPECT_TRUE(std::filesystem::exists(BlobPath(blobs_, Sha256Hex(other_))));
  EXPECT_EQ(InTheCopy("SELECT sha256 FROM blob"), Sha256Hex(other_));
  EXPECT_EQ(InTheCopy("SELECT log_blob IS NULL FROM attempt"), "1");
}

TEST_F(BackupTest, ALogThatIsLostIsAnError) {
  RemoveBlobFiles(path_ + ".blobs", {Sha256Hex(log_)});
  const auto copied = CopyBlobs(path_, copy_, blobs_);
  ASSERT_FALSE(copied.ok());
  EXPECT_NE(copied.status().message().find(Sha256Hex(log_)), std::string::npos);
}

}  // namespace
}  // namespace sparsweep
