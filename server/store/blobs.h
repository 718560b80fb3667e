// Blobs (logs, predictions, models), named by the SHA-256 of their content: small ones are rows of
// the database, larger ones files in FILE.blobs/. A file is whole, synced and under its final name
// before the row that makes it known is written, so a crash leaves at most an unnamed file.
//
// Reader threads; the row is written by the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sha256.h"
#include "server/store/sqlite.h"

namespace sparsweep {

inline constexpr int64_t kMaxBlobBytes = int64_t{4} << 30;
inline constexpr size_t kSmallBlobBytes = 64 << 10;

bool IsDigest(const std::string& text);  // 64 lower-case hex digits

// Where the file of a blob is that is not in the database.
std::string BlobPath(const std::string& folder, const std::string& sha256);
// Of blobs whose rows are gone for good. One that cannot be removed is only a file without a name.
void RemoveBlobFiles(const std::string& folder, const std::vector<std::string>& digests);

// A blob on its way in. Not thread-safe: one call at a time.
class BlobWriter {
 public:
  BlobWriter(std::string folder, std::string sha256)
      : folder_(std::move(folder)), sha256_(std::move(sha256)) {}
  ~BlobWriter();  // an unfinished file is removed

  Status Append(const std::string& chunk);
  // Checks the digest and puts the file in its place.
  Status Finish();

  const std::string& sha256() const { return sha256_; }
  int64_t size() const { return size_; }
  // The bytes, if they belong into the database.
  const std::string* small() const { return file_ < 0 ? &bytes_ : nullptr; }

 private:
  Status Spill();
  Status WriteOut(const std::string& bytes);

  std::string folder_;
  std::string sha256_;
  std::string bytes_;  // until it is no longer small
  std::string temporary_;
  int file_ = -1;
  int64_t size_ = 0;
  Sha256Hasher hasher_;
};

// At most `max_bytes` from `offset` on; empty at the end. kNotFound if there is no such blob.
Result<std::string> ReadBlobPiece(Database& db, const std::string& folder,
                                  const std::string& sha256, int64_t offset, int64_t max_bytes);

}  // namespace sparsweep
