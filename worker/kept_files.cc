#include "worker/kept_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

// The descriptor of the locked file, -1 if another holds it or it cannot be had.
int Lock(const fs::path& path, int flags) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0644);
  if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  if (file >= 0) close(file);
  return -1;
}

// A folder without a lock is not one of ours.
void RemoveDead(const fs::path& parent) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    const int lock = Lock(entry.path() / "lock", 0);
    if (lock < 0) continue;
    fs::remove_all(entry.path(), error);
    close(lock);
  }
}

}  // namespace

KeptFiles::KeptFiles(const fs::path& parent, const std::string& incarnation)
    : folder_(parent / incarnation) {
  std::error_code error;
  fs::create_directories(parent, error);
  // One at a time: a folder that is not locked yet would look like a dead one's.
  const int gate = open((parent / "gate").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (gate < 0) return;
  if (flock(gate, LOCK_EX) == 0) {
    RemoveDead(parent);
    fs::create_directories(folder_, error);
    lock_ = Lock(folder_ / "lock", O_CREAT);
  }
  close(gate);
}

KeptFiles::~KeptFiles() {
  if (lock_ < 0) return;
  std::error_code error;
  fs::remove_all(folder_, error);
  close(lock_);
}

}  // namespace sparsweep
