// Parses of sentences on disk, so that a sentence is parsed once per machine: one file per parser,
// a line of JSON per sentence, found by the SHA-256 of its text. Trainers of several slots share
// the file: who misses sentences takes its lock, reads what others added, and appends whole lines.
// A line that is torn or damaged is no line: its sentence is parsed again. One thread per object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "core/result.h"
#include "core/sha256.h"
#include "trainer/word_graph.h"

namespace sparsweep {

class ParseCache {
 public:
  explicit ParseCache(std::filesystem::path file) : file_(std::move(file)) {}
  ~ParseCache();
  ParseCache(const ParseCache&) = delete;
  ParseCache& operator=(const ParseCache&) = delete;

  // Null if the sentence is not known; call Refresh first.
  const ParsedText* Find(const std::string& sentence) const;
  // Reads what the file has gained since the last call.
  void Refresh();

  // Waits for the file's lock and refreshes; polls `cancelled`, and returns false if it says so. A
  // file that cannot be written is said once on stderr: the parses are then kept in memory alone.
  bool Lock(const std::function<bool()>& cancelled);
  void Unlock();
  // Keeps a parse and, under the lock, appends it.
  void Add(const std::string& sentence, const ParsedText& parse);

 private:
  void Complain(const char* what);

  std::filesystem::path file_;
  std::map<Digest, ParsedText> parses_;
  int64_t read_ = 0;  // bytes of the file that were read, up to a line end
  int fd_ = -1;       // open for appending, while locked
  bool complained_ = false;
};

// One line of the file, without the line end.
std::string ParseToLine(const std::string& sentence, const ParsedText& parse);

}  // namespace sparsweep
