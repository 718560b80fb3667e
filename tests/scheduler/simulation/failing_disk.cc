// The real VFS with two of its files' methods replaced.
#include "tests/scheduler/simulation/failing_disk.h"

#include <sqlite3.h>

#include <map>
#include <mutex>

namespace sparsweep::testing {
namespace {

thread_local int writes_left = -1;  // -1: any number
thread_local bool sync_fails = false;

// A file's methods are the first member of this: what was replaced is found from the file alone.
struct Methods {
  sqlite3_io_methods replaced;
  const sqlite3_io_methods* real;
};
const sqlite3_io_methods* Real(const sqlite3_file* file) {
  return reinterpret_cast<const Methods*>(file->pMethods)->real;
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (writes_left == 0) return SQLITE_FULL;
  if (writes_left > 0) --writes_left;
  return Real(file)->xWrite(file, bytes, size, offset);
}

int Sync(sqlite3_file* file, int flags) {
  if (writes_left >= 0) {
    writes_left = 0;
    return SQLITE_FULL;
  }
  if (sync_fails) {
    sync_fails = false;
    return SQLITE_IOERR_FSYNC;
  }
  return Real(file)->xSync(file, flags);
}

// There are a few tables of methods (with locks, without), each constant for the program's life.
const sqlite3_io_methods* Replacing(const sqlite3_io_methods* real) {
  static std::mutex mutex;
  static std::map<const sqlite3_io_methods*, Methods> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(real);
  if (found != known.end()) return &found->second.replaced;
  Methods methods{*real, real};
  methods.replaced.xWrite = Write;
  methods.replaced.xSync = Sync;
  return &known.emplace(real, methods).first->second.replaced;
}

sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs failing;

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
  if (file->pMethods != nullptr) file->pMethods = Replacing(file->pMethods);
  return code;
}

}  // namespace

void FailingDisk::Install() {
  static std::once_flag once;
  std::call_once(once, [] {
    real_vfs = sqlite3_vfs_find(nullptr);
    failing = *real_vfs;  // what is not replaced ignores its first argument
    failing.zName = "failing";
    failing.xOpen = Open;
    sqlite3_vfs_register(&failing, 1);
  });
}

void FailingDisk::Fill(int writes) { writes_left = writes; }
void FailingDisk::FailSync() { sync_fails = true; }
void FailingDisk::Mend() { writes_left = -1, sync_fails = false; }

}  // namespace sparsweep::testing
