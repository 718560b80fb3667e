// The data folder: registered models and tasks, what they resolve to, and their fingerprints.
//
//   DATA/models/NAME/{config.json, model.safetensors, tokenizer.json}
//   DATA/tasks/NAME.json, whose relative paths start at DATA/tasks/
//   DATA/glove/NAME.txt, word vectors
//
// A name with '/' is a path and must be absolute here: only who read the sweep file knows what it
// is relative to. Safe to call from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/grid.h"
#include "core/result.h"

namespace sparsweep {

// SHA-256 of files, remembered by (path, size, mtime, inode).
class HashCache {
 public:
  // Lower-case hex. `reads()` counts the files that were really read.
  Result<std::string> FileSha256(const std::filesystem::path& path);
  int64_t reads() const;

 private:
  using Key = std::tuple<std::string, uint64_t, int64_t, int64_t, uint64_t>;
  mutable std::mutex mutex_;
  std::map<Key, std::string> hashes_;
  int64_t reads_ = 0;
};

class Catalog : public Resolver {
 public:
  explicit Catalog(std::filesystem::path data_folder) : data_(std::move(data_folder)) {}

  // $SPARSWEEP_DATA, else ~/.local/share/sparsweep.
  static std::filesystem::path DefaultFolder();

  // Reads config.json, checks that the files are there, and fingerprints them. Whether the
  // weights are what config.json says is the trainer's to find out.
  Result<ResolvedModel> Model(const std::string& name) override;
  // config.json is enough; what else is there counts.
  Result<ResolvedModel> ModelWithoutWeights(const std::string& name) override;
  // An inline task, a registered name, or the path of a task file. Its files exist.
  Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override;

  // Registered names, sorted.
  std::vector<std::string> Models() const;
  std::vector<std::string> Tasks() const;

  const std::filesystem::path& folder() const { return data_; }

 private:
  Result<ResolvedModel> Model(const std::string& name, bool weights);

  std::filesystem::path data_;
  HashCache hashes_;
};

// SHA-256 over the lines "name SP sha256 LF" of config.json, model.safetensors, tokenizer.json.
// Without weights (`init` random) those of the files that are there.
Result<std::string> ModelFingerprint(const std::filesystem::path& folder, HashCache& hashes,
                                     bool weights = true);

// SHA-256 over the sorted lines "split/position SP sha256 LF" of the files, then the line of
// canonical JSON of columns, format, labels, parses, split and type. CoNLL-U files are
// "split/position.conllu", word vectors "glove".
Result<std::string> DataFingerprint(const std::filesystem::path& data_folder, const TaskSpec& task,
                                    HashCache& hashes);

// Where a trial's model and files lie on this machine, existing or not. Relative files of a task
// start at its base_dir, or at DATA/tasks where it has none, as a registered one.
std::filesystem::path ModelFolder(const std::filesystem::path& data_folder,
                                  const std::string& name);
std::filesystem::path TaskFile(const std::filesystem::path& data_folder, const TaskSpec& task,
                               const std::string& file);
// Where a task's word vectors lie: DATA/glove/NAME.txt, or a path like those of its files.
std::filesystem::path GloveFile(const std::filesystem::path& data_folder, const TaskSpec& task);

// What the masks of a canonical plan need of a task: by=glove needs its field `glove`.
Status CheckTextInputs(const std::string& canonical, const TaskSpec& task);

}  // namespace sparsweep
