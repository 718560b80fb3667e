#include "tests/power_cut/disk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

namespace sparsweep {
namespace {

constexpr size_t kSector = 512;
Disk* recording = nullptr;

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// What a disk holds of one file, and what it was told since the last sync.
struct Content {
  std::string durable;
  std::vector<size_t> pending;  // operations
};

void Put(std::string* content, size_t at, std::string_view bytes) {
  if (content->size() < at + bytes.size()) content->resize(at + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content->begin() + static_cast<int64_t>(at));
}

class Surviving {
 public:
  Surviving(Loss loss, uint64_t seed) : loss_(loss), random_(seed) {}

  bool Next() {
    switch (loss_) {
      case Loss::kEverything:
        return false;
      case Loss::kNothing:
        return true;
      default:
        return (random_() & 1) != 0;
    }
  }
  void PutTorn(std::string* content, size_t offset, const std::string& bytes) {
    for (size_t done = 0; done < bytes.size();) {
      const size_t end = std::min(bytes.size(), ((offset + done) / kSector + 1) * kSector - offset);
      if (Next()) {
        Put(content, offset + done, std::string_view(bytes).substr(done, end - done));
      } else if (loss_ == Loss::kGarbage && (random_() & 3) == 0) {
        std::string garbage(end - done, '\0');
        for (char& c : garbage) c = static_cast<char>(random_());
        Put(content, offset + done, garbage);
      }
      done = end;
    }
  }

 private:
  const Loss loss_;
  std::mt19937_64 random_;
};

}  // namespace

Disk::Disk(std::string root) : root_(std::move(root)) { recording = this; }
Disk::~Disk() { recording = nullptr; }
Disk* Disk::Recording() { return recording; }

// Folders are made by calls that nobody watches: they are known from the files in them.
void Disk::MakeFoldersOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  if (folder == root_ || !std::exchange(folders_[folder], true)) {
    if (folder == root_) return;
    MakeFoldersOf(folder);
    operations_.push_back({.kind = Kind::kMakeFolder, .path = folder});
  }
}

int Disk::Create(const std::string& path) {
  if (const auto found = names_.find(path); found != names_.end()) return found->second;
  MakeFoldersOf(path);
  names_[path] = files_;
  operations_.push_back({.kind = Kind::kCreate, .file = files_, .path = path});
  return files_++;
}

void Disk::Write(int file, int64_t offset, const void* bytes, size_t size) {
  operations_.push_back({.kind = Kind::kWrite,
                         .file = file,
                         .offset = offset,
                         .bytes = std::string(static_cast<const char*>(bytes), size)});
}
void Disk::Truncate(int file, int64_t size) {
  operations_.push_back({.kind = Kind::kTruncate, .file = file, .offset = size});
}
void Disk::Sync(int file) {
  operations_.push_back({.kind = Kind::kSync, .file = file});
}
void Disk::SyncFolder(const std::string& path) {
  operations_.push_back({.kind = Kind::kSyncFolder, .path = path});
}
void Disk::Rename(const std::string& from, const std::string& to) {
  operations_.push_back({.kind = Kind::kRename, .path = from, .to = to});
  names_[to] = names_[from];
  names_.erase(from);
}
void Disk::Remove(const std::string& path) {
  operations_.push_back({.kind = Kind::kRemove, .path = path});
  names_.erase(path);
}

bool Disk::IsSync(size_t n) const {
  return operations_[n].kind == Kind::kSync || operations_[n].kind == Kind::kSyncFolder;
}

Disk::Files Disk::After(size_t n, Loss loss, uint64_t seed) const {
  std::map<int, Content> contents;
  std::map<std::string, int> names;    // that will last; of folders: -1
  std::vector<size_t> pending_names;   // operations on names since their folder's sync
  const auto name = [&](const Operation& op) {
    if (op.kind == Kind::kCreate) names[op.path] = op.file;
    if (op.kind == Kind::kMakeFolder) names[op.path] = -1;
    if (op.kind == Kind::kRemove) names.erase(op.path);
    if (op.kind == Kind::kRename && names.contains(op.path)) {
      names[op.to] = names[op.path];
      names.erase(op.path);
    }
  };
  const auto apply = [&](const Operation& op, std::string* content) {
    if (op.kind == Kind::kWrite) Put(content, op.offset, op.bytes);
    if (op.kind == Kind::kTruncate) content->resize(op.offset);
  };
  for (size_t i = 0; i < n; ++i) {
    const Operation& op = operations_[i];
    switch (op.kind) {
      case Kind::kWrite:
      case Kind::kTruncate:
        contents[op.file].pending.push_back(i);
        break;
      case Kind::kSync: {
        Content& content = contents[op.file];
        for (const size_t at : content.pending) apply(operations_[at], &content.durable);
        content.pending.clear();
        break;
      }
      case Kind::kSyncFolder:
        std::erase_if(pending_names, [&](size_t at) {
          if (FolderOf(operations_[at].path) != op.path) return false;
          name(operations_[at]);
          return true;
        });
        break;
      default:
        pending_names.push_back(i);
    }
  }

  Surviving surviving(loss, seed);
  for (const size_t at : pending_names) {
    if (surviving.Next()) name(operations_[at]);
  }
  Files files;
  for (const auto& [path, file] : names) {
    if (file < 0) continue;
    bool reachable = true;
    for (std::string folder = FolderOf(path); folder != root_; folder = FolderOf(folder)) {
      reachable &= names.contains(folder);
    }
    if (!reachable) continue;
    Content& content = contents[file];
    std::string bytes = content.durable;
    for (const size_t at : content.pending) {
      const Operation& op = operations_[at];
      if (op.kind == Kind::kWrite) {
        surviving.PutTorn(&bytes, op.offset, op.bytes);
      } else if (surviving.Next()) {
        apply(op, &bytes);
      }
    }
    files[path.substr(root_.size() + 1)] = std::move(bytes);
  }
  return files;
}

void WriteOut(const Disk::Files& files, const std::string& root) {
  std::filesystem::create_directories(root);
  for (const auto& [path, bytes] : files) {
    const std::filesystem::path file = root + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<int64_t>(bytes.size()));
  }
}

}  // namespace sparsweep
