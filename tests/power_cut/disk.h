// A disk that remembers every write and every sync, and shows what a power cut could have left.
//
// It records what the program under test does to the files below one folder: SQLite's through a VFS
// (vfs.cc), blobs' through wrapped system calls (calls.cc). The files themselves are written as ever.
// What a disk may do between two syncs: each 512-byte sector of a write that was not synced is there,
// or is not, in any order; or, with `kGarbage`, holds anything. A name (a new file, a rename) lasts
// once its folder is synced.
//
// One at a time, used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sparsweep {

enum class Loss { kEverything, kNothing, kRandom, kGarbage };

class Disk {
 public:
  explicit Disk(std::string root);  // records what happens below `root` from now on
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  static Disk* Recording();

  bool Holds(const std::string& path) const { return path.starts_with(root_ + "/"); }
  int Create(const std::string& path);  // or the number of the file that has this name
  void Write(int file, int64_t offset, const void* bytes, size_t size);
  void Truncate(int file, int64_t size);
  void Sync(int file);
  void SyncFolder(const std::string& path);
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);

  // Where a cut may be: before the n-th operation.
  size_t size() const { return operations_.size(); }
  bool IsSync(size_t n) const;

  // The files that a cut before operation `n` may leave, by path below the root.
  using Files = std::map<std::string, std::string>;
  Files After(size_t n, Loss loss, uint64_t seed) const;

 private:
  enum class Kind { kCreate, kMakeFolder, kWrite, kTruncate, kSync, kSyncFolder, kRename, kRemove };
  struct Operation {
    Kind kind;
    int file = -1;
    int64_t offset = 0;  // or the size to which a file is cut
    std::string bytes = {};
    std::string path = {}, to = {};
  };
  void MakeFoldersOf(const std::string& path);

  const std::string root_;
  std::vector<Operation> operations_;
  std::map<std::string, int> names_;  // of the files that are there now
  std::map<std::string, bool> folders_;
  int files_ = 0;
};

// Writes `files` below `root`, which should not exist.
void WriteOut(const Disk::Files& files, const std::string& root);

// Makes the recording VFS SQLite's default for as long as it lives.
class RecordingVfs {
 public:
  RecordingVfs();
  ~RecordingVfs();
};

}  // namespace sparsweep
