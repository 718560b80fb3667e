// SQLite's own VFS, with every write, truncation, sync and deletion of a database's files told to the
// recording disk. Reads, locks and shared memory are passed on untouched.
#include <sqlite3.h>

#include <cstring>
#include <string>
#include <utility>

#include "tests/power_cut/disk.h"

namespace sparsweep {
namespace {

struct File {
  sqlite3_file base;
  int number;               // of the disk, -1: not recorded
  const char* sync_folder;  // the file whose folder the first sync is to reach too
  sqlite3_file* real;       // behind this struct, in the room that szOsFile asks for
};

std::string FolderOf(const char* name) { return {name, strrchr(name, '/')}; }
sqlite3_vfs* RealVfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }
File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* RealFile(sqlite3_file* file) { return Of(file).real; }
const sqlite3_io_methods& Methods(sqlite3_file* file) { return *RealFile(file)->pMethods; }
Disk* DiskOf(sqlite3_file* file) { return Of(file).number < 0 ? nullptr : Disk::Recording(); }

int Close(sqlite3_file* f) { return Methods(f).xClose(RealFile(f)); }
int Read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return Methods(f).xRead(RealFile(f), to, size, at);
}
int Write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 at) {
  const int code = Methods(f).xWrite(RealFile(f), bytes, size, at);
  if (Disk* disk = DiskOf(f); code == SQLITE_OK && disk != nullptr) {
    disk->Write(Of(f).number, at, bytes, size);
  }
  return code;
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  const int code = Methods(f).xTruncate(RealFile(f), size);
  if (Disk* disk = DiskOf(f); code == SQLITE_OK && disk != nullptr) {
    disk->Truncate(Of(f).number, size);
  }
  return code;
}
// Recorded, not done: the test's own machine keeps its power. As in SQLite's unix VFS a log's or a
// journal's first sync is followed by one of its folder.
int Sync(sqlite3_file* f, int flags) {
  if (Disk* disk = DiskOf(f); disk != nullptr) {
    disk->Sync(Of(f).number);
    if (const char* name = std::exchange(Of(f).sync_folder, nullptr)) disk->SyncFolder(FolderOf(name));
    return SQLITE_OK;
  }
  return Methods(f).xSync(RealFile(f), flags);
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) { return Methods(f).xFileSize(RealFile(f), size); }
int Lock(sqlite3_file* f, int kind) { return Methods(f).xLock(RealFile(f), kind); }
int Unlock(sqlite3_file* f, int kind) { return Methods(f).xUnlock(RealFile(f), kind); }
int CheckReservedLock(sqlite3_file* f, int* out) {
  return Methods(f).xCheckReservedLock(RealFile(f), out);
}
int FileControl(sqlite3_file* f, int what, void* argument) {
  return Methods(f).xFileControl(RealFile(f), what, argument);
}
int SectorSize(sqlite3_file* f) { return Methods(f).xSectorSize(RealFile(f)); }
int Characteristics(sqlite3_file* f) { return Methods(f).xDeviceCharacteristics(RealFile(f)); }
int ShmMap(sqlite3_file* f, int region, int size, int extend, void volatile** out) {
  return Methods(f).xShmMap(RealFile(f), region, size, extend, out);
}
int ShmLock(sqlite3_file* f, int at, int n, int flags) {
  return Methods(f).xShmLock(RealFile(f), at, n, flags);
}
void ShmBarrier(sqlite3_file* f) { Methods(f).xShmBarrier(RealFile(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return Methods(f).xShmUnmap(RealFile(f), remove); }

constexpr sqlite3_io_methods kMethods = {
    2,       Close,  Read,       Write,      Truncate,         Sync,           FileSize,
    Lock,    Unlock, CheckReservedLock, FileControl, SectorSize, Characteristics, ShmMap,
    ShmLock, ShmBarrier, ShmUnmap, nullptr, nullptr};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* f, int flags, int* out_flags) {
  File& file = Of(f);
  file.real = reinterpret_cast<sqlite3_file*>(&file + 1);
  file.real->pMethods = nullptr;
  file.number = -1;
  file.sync_folder = nullptr;
  const int code = RealVfs(vfs)->xOpen(RealVfs(vfs), name, file.real, flags, out_flags);
  f->pMethods = file.real->pMethods == nullptr ? nullptr : &kMethods;
  Disk* disk = Disk::Recording();
  if (code == SQLITE_OK && name != nullptr && disk != nullptr && disk->Holds(name)) {
    file.number = disk->Create(name);
    constexpr int kLogs = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    if ((flags & kLogs) != 0 && (flags & SQLITE_OPEN_CREATE) != 0) file.sync_folder = name;
  }
  return code;
}
int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  const int code = RealVfs(vfs)->xDelete(RealVfs(vfs), name, sync_folder);
  if (Disk* disk = Disk::Recording(); code == SQLITE_OK && disk != nullptr && disk->Holds(name)) {
    disk->Remove(name);
    if (sync_folder != 0) disk->SyncFolder(FolderOf(name));
  }
  return code;
}

sqlite3_vfs shim;

}  // namespace

RecordingVfs::RecordingVfs() {
  sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
  shim = *real;  // what is not replaced below is the real one's, which ignores its first argument
  shim.zName = "recording";
  shim.pAppData = real;
  shim.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  shim.xOpen = Open;
  shim.xDelete = Delete;
  sqlite3_vfs_register(&shim, 1);
}

RecordingVfs::~RecordingVfs() { sqlite3_vfs_unregister(&shim); }

}  // namespace sparsweep
