// Blobs: small in the database, large as files, never known before they are whole.
#include "server/store/blobs.h"

#include <gtest/gtest.h>

#include "server/store/writer.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

class BlobsTest : public ::testing::Test {
 protected:
  BlobsTest() : file_(*StoreFile::Open(folder_ / "a.db")) {}

  Status Put(const std::string& sha256, const std::string& bytes) {
    BlobWriter blob(folder_ / "a.db.blobs", sha256);
    for (size_t at = 0; at < bytes.size(); at += 50'000) {
      if (Status status = blob.Append(bytes.substr(at, 50'000)); !status.ok()) return status;
    }
    if (Status status = blob.Finish(); !status.ok()) return status;
    Writer writer(file_->db());
    if (Status status = writer.Begin(0); !status.ok()) return status;
    if (Status status = writer.WriteBlob(sha256, blob.size(), blob.small()); !status.ok()) {
      return status;
    }
    const auto committed = writer.Commit();
    return committed.ok() ? Status() : committed.status();
  }
  std::string Read(const std::string& sha256, int64_t offset, int64_t size) {
    const auto piece = ReadBlobPiece(file_->db(), folder_ / "a.db.blobs", sha256, offset, size);
    return piece.ok() ? *piece : "error: " + piece.status().message();
  }
  size_t Files() {
    size_t files = 0;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_ / "a.db.blobs", none)) {
      files += entry.is_regular_file();
    }
    return files;
  }

  TempFolder folder_;
  std::unique_ptr<StoreFile> file_;
};

TEST_F(BlobsTest, ASmallOneIsInTheDatabase) {
  const std::string bytes = "a log\n";
  ASSERT_TRUE(Put(Sha256Hex(bytes), bytes).ok());
  EXPECT_EQ(Files(), 0u);
  EXPECT_EQ(Read(Sha256Hex(bytes), 0, 100), bytes);
  EXPECT_EQ(Read(Sha256Hex(bytes), 2, 3), "log");
  EXPECT_EQ(Read(Sha256Hex(bytes), 6, 100), "");
  EXPECT_TRUE(Put(Sha256Hex(bytes), bytes).ok()) << "again is harmless";
}

TEST_F(BlobsTest, ALargeOneIsAFile) {
  std::string bytes;
  for (int i = 0; i < 40'000; ++i) bytes += std::to_string(i);
  ASSERT_TRUE(Put(Sha256Hex(bytes), bytes).ok());
  EXPECT_EQ(Files(), 1u);
  EXPECT_EQ(Read(Sha256Hex(bytes), 100'000, 50), bytes.substr(100'000, 50));
  EXPECT_EQ(Read(Sha256Hex(bytes), static_cast<int64_t>(bytes.size()), 50), "");
}

TEST_F(BlobsTest, AWrongDigestLeavesNothing) {
  const std::string bytes(200'000, 'x');
  const Status status = Put(std::string(64, 'a'), bytes);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Files(), 0u);
  EXPECT_EQ(Read(std::string(64, 'a'), 0, 10), "error: there is no blob " + std::string(64, 'a'));
}

}  // namespace
}  // namespace sparsweep
