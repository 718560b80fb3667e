#include "trainer/parse_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr auto kPoll = std::chrono::milliseconds(50);

std::optional<Digest> FromHex(const std::string& hex) {
  Digest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (size_t i = 0; i < digest.size(); ++i) {
    unsigned value = 0;
    if (std::sscanf(hex.c_str() + 2 * i, "%2x", &value) != 1) return std::nullopt;
    digest[i] = static_cast<uint8_t>(value);
  }
  return digest;
}

// False if the line is damaged. Nothing of it is believed: indices are checked.
bool ReadLine(const std::string& line, Digest* key, ParsedText* parse) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return false;
  const auto numbers = [&](const char* name, std::vector<uint32_t>* out) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_array()) return false;
    for (const json& number : *found) {
      if (!number.is_number_unsigned() || number.get<uint64_t>() > INT32_MAX) return false;
      out->push_back(number.get<uint32_t>());
    }
    return true;
  };
  std::vector<uint32_t> words, edges, roots, counts;
  if (!object.contains("sentence") || !object["sentence"].is_string() ||
      !numbers("words", &words) || !numbers("edges", &edges) || !numbers("roots", &roots) ||
      !numbers("parsed", &counts) || words.size() % 2 != 0 || edges.size() % 2 != 0 ||
      counts.size() != 2) {
    return false;
  }
  const auto digest = FromHex(object["sentence"].get<std::string>());
  if (!digest) return false;
  *key = *digest;
  for (size_t i = 0; i < words.size(); i += 2) {
    if (words[i] >= words[i + 1] || (i > 0 && words[i] < words[i - 1])) return false;
    parse->words.push_back({words[i], words[i + 1]});
  }
  for (size_t i = 0; i < edges.size(); i += 2) {
    if (edges[i] >= parse->words.size() || edges[i + 1] >= parse->words.size()) return false;
    parse->edges.emplace_back(edges[i], edges[i + 1]);
  }
  for (uint32_t root : roots) {
    if (root >= parse->words.size()) return false;
    parse->roots.push_back(static_cast<int32_t>(root));
  }
  parse->sentences = 1;
  parse->parsed = counts[0] > 0;
  parse->capped = counts[1] > 0;
  return true;
}

}  // namespace

std::string ParseToLine(const std::string& sentence, const ParsedText& parse) {
  json words = json::array(), edges = json::array();
  for (const auto& word : parse.words) {
    words.push_back(word.begin);
    words.push_back(word.end);
  }
  for (const auto& [a, b] : parse.edges) {
    edges.push_back(a);
    edges.push_back(b);
  }
  return json({{"sentence", Sha256Hex(sentence)},
               {"words", words},
               {"edges", edges},
               {"roots", parse.roots},
               {"parsed", {parse.parsed, parse.capped}}})
      .dump();
}

ParseCache::~ParseCache() { Unlock(); }

const ParsedText* ParseCache::Find(const std::string& sentence) const {
  const auto found = parses_.find(Sha256(sentence));
  return found == parses_.end() ? nullptr : &found->second;
}

void ParseCache::Refresh() {
  std::ifstream in(file_, std::ios::binary);
  if (!in.seekg(read_)) return;
  for (std::string line; std::getline(in, line) && !in.eof();) {  // a line without end is not ready
    read_ += static_cast<int64_t>(line.size()) + 1;
    Digest key;
    ParsedText parse;
    if (ReadLine(line, &key, &parse)) parses_.insert_or_assign(key, std::move(parse));
  }
}

bool ParseCache::Lock(const std::function<bool()>& cancelled) {
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  fd_ = open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    Complain("cannot be opened");
    return !cancelled();
  }
  while (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (cancelled()) {
      Unlock();
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
  // What a crash left without its line end must not swallow the next line.
  struct stat info = {};
  char last = '\n';
  if (fstat(fd_, &info) == 0 && info.st_size > 0 &&
      (pread(fd_, &last, 1, info.st_size - 1) != 1 || last != '\n')) {
    if (write(fd_, "\n", 1) != 1) Complain("cannot be written");
  }
  Refresh();
  return !cancelled();
}

void ParseCache::Unlock() {
  if (fd_ >= 0) close(fd_);  // which ends the lock
  fd_ = -1;
}

void ParseCache::Add(const std::string& sentence, const ParsedText& parse) {
  parses_.insert_or_assign(Sha256(sentence), parse);
  if (fd_ < 0) return;
  const std::string line = ParseToLine(sentence, parse) + "\n";
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    Complain("cannot be written");
    Unlock();  // a torn line stays alone: the next who locks ends it
  }
}

void ParseCache::Complain(const char* what) {
  if (complained_) return;
  complained_ = true;
  std::fprintf(stderr, "%s: %s (%s); parses are not kept between runs\n", file_.c_str(), what,
               std::strerror(errno));
}

}  // namespace sparsweep
