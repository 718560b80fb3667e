#include "server/store/blobs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sparsweep {
namespace {

Status FileError(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return {full ? StatusCode::kResourceExhausted : StatusCode::kUnavailable,
          "the blob file \"" + path + "\" cannot be written: " + strerror(errno) +
              (full ? "; free some space" : "")};
}

bool SyncFolder(const std::string& folder) {
  const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return false;
  const bool synced = fsync(handle) == 0;
  close(handle);
  return synced;
}

}  // namespace

bool IsDigest(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string BlobPath(const std::string& folder, const std::string& sha256) {
  return folder + "/" + sha256.substr(0, 2) + "/" + sha256;
}

void RemoveBlobFiles(const std::string& folder, const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) unlink(BlobPath(folder, digest).c_str());
}

BlobWriter::~BlobWriter() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status BlobWriter::Append(const std::string& chunk) {
  size_ += static_cast<int64_t>(chunk.size());
  if (size_ > kMaxBlobBytes) {
    return {StatusCode::kResourceExhausted, "the blob is larger than 4 GiB; keep less"};
  }
  hasher_.Update(chunk);
  if (file_ < 0) {
    bytes_ += chunk;
    return bytes_.size() <= kSmallBlobBytes ? Status() : Spill();
  }
  return WriteOut(chunk);
}

Status BlobWriter::Spill() {
  const std::string folder = folder_ + "/" + sha256_.substr(0, 2);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string name = folder + "/incoming-XXXXXX";
  file_ = mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) return FileError(folder);
  temporary_ = name;
  return WriteOut(std::exchange(bytes_, {}));
}

Status BlobWriter::WriteOut(const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(file_, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(temporary_);
    done += written;
  }
  return {};
}

Status BlobWriter::Finish() {
  const std::string digest = Hex(hasher_.Finish());
  if (digest != sha256_) {
    return InvalidField("sha256", "the blob's content has the digest " + digest + ", not " +
                                      sha256_ + "; send it again");
  }
  if (file_ < 0) return {};
  const std::string path = BlobPath(folder_, sha256_);
  if (fsync(file_) != 0 || rename(temporary_.c_str(), path.c_str()) != 0) return FileError(path);
  temporary_.clear();
  // Its name, and the names of the folders that may be as new as it is.
  for (const std::string& folder :
       {path.substr(0, path.rfind('/')), folder_,
        std::filesystem::absolute(folder_).parent_path().string()}) {
    if (!SyncFolder(folder)) return FileError(path);
  }
  return {};
}

Result<std::string> ReadBlobPiece(Database& db, const std::string& folder,
                                  const std::string& sha256, int64_t offset, int64_t max_bytes) {
  Statement read = db.Prepare(
      "SELECT size, bytes IS NULL, substr(bytes, ?2 + 1, ?3) FROM blob WHERE sha256 = ?1");
  read.Bind(sha256, offset, max_bytes);
  if (!read.Step()) {
    return Status(StatusCode::kNotFound, "there is no blob " + sha256);
  }
  if (read.Int(1) == 0) return read.Text(2);
  const std::string path = BlobPath(folder, sha256);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return Status(StatusCode::kDataLoss, "the blob file \"" + path + "\" is missing");
  }
  const int64_t rest = std::max<int64_t>(0, read.Int(0) - offset);
  std::string piece(std::min(rest, max_bytes), '\0');
  const ssize_t size = pread(file, piece.data(), piece.size(), offset);
  close(file);
  if (size != static_cast<ssize_t>(piece.size())) {
    return Status(StatusCode::kDataLoss, "the blob file \"" + path + "\" is shorter than its row");
  }
  return piece;
}

}  // namespace sparsweep
