// The system calls by which server/store/blobs.cc makes files, wrapped by the linker (--wrap, see
// CMakeLists.txt), so that a blob's bytes, its rename and the syncs of its folders are recorded too.
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <map>
#include <string>

#include "tests/power_cut/disk.h"

namespace sparsweep {
namespace {

struct OpenFile {
  int number = -1;     // of a file
  std::string folder;  // of a folder
  int64_t end = 0;
};
std::map<int, OpenFile> open_files;

}  // namespace
}  // namespace sparsweep

using sparsweep::Disk;
using sparsweep::open_files;

extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_mkostemp(char* path, int flags);
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_fsync(int fd);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_close(int fd);

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  const int fd = __real_open(path, flags, mode);
  if (fd >= 0 && (flags & O_DIRECTORY) != 0 && Disk::Recording() != nullptr) {
    open_files[fd] = {-1, path, 0};
  }
  return fd;
}
int __wrap_mkostemp(char* path, int flags) {
  const int fd = __real_mkostemp(path, flags);
  Disk* disk = Disk::Recording();
  if (fd >= 0 && disk != nullptr && disk->Holds(path)) open_files[fd] = {disk->Create(path), "", 0};
  return fd;
}
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  const ssize_t written = __real_write(fd, bytes, size);
  const auto file = open_files.find(fd);
  if (written > 0 && file != open_files.end() && Disk::Recording() != nullptr) {
    Disk::Recording()->Write(file->second.number, file->second.end, bytes, written);
    file->second.end += written;
  }
  return written;
}
int __wrap_fsync(int fd) {
  const auto file = open_files.find(fd);
  if (file == open_files.end() || Disk::Recording() == nullptr) return __real_fsync(fd);
  if (file->second.number < 0) {
    Disk::Recording()->SyncFolder(file->second.folder);
  } else {
    Disk::Recording()->Sync(file->second.number);
  }
  return 0;
}
int __wrap_rename(const char* from, const char* to) {
  const int code = __real_rename(from, to);
  Disk* disk = Disk::Recording();
  if (code == 0 && disk != nullptr && disk->Holds(from)) disk->Rename(from, to);
  return code;
}
int __wrap_unlink(const char* path) {
  const int code = __real_unlink(path);
  Disk* disk = Disk::Recording();
  if (code == 0 && disk != nullptr && disk->Holds(path)) disk->Remove(path);
  return code;
}
int __wrap_close(int fd) {
  open_files.erase(fd);
  return __real_close(fd);
}
}
