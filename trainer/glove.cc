#include "trainer/glove.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <string_view>

#include "trainer/text.h"

namespace sparsweep {
namespace {

std::string Lowered(std::string word) {
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word;
}

bool ReadNumber(std::string_view text, float* value) {
  double wide = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wide);
  *value = static_cast<float>(wide);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(*value);
}

std::vector<std::string_view> SplitSpaces(std::string_view line) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t space = line.find(' ');
    parts.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return parts;
    line.remove_prefix(space + 1);
  }
}

std::string Count(size_t count) {
  return std::to_string(count) + (count == 1 ? " number" : " numbers");
}

}  // namespace

Result<Glove> Glove::Load(const std::string& path, const std::set<std::string>& wanted) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path + ": cannot be opened");
  std::set<std::string> kept = wanted;
  for (const std::string& word : wanted) kept.insert(Lowered(word));

  Glove glove;
  size_t width = 0;
  int64_t number = 0;
  std::vector<float> values;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto at = [&](const std::string& what) {
      return InvalidArgument(path + ":" + std::to_string(number) + ": " + what);
    };
    if (line.ends_with('\r')) line.pop_back();
    if (line.ends_with(' ')) line.pop_back();
    if (!IsUtf8(line)) return at("is not valid UTF-8");
    const std::vector<std::string_view> parts = SplitSpaces(line);
    if (width == 0) {
      if (parts.size() < 2) return at("has no numbers after its word; a GloVe text file was meant");
      width = parts.size() - 1;
    }
    // The numbers are the last `width` parts; more parts are a word with spaces, if they are no
    // numbers.
    const size_t words = parts.size() > width ? parts.size() - width : 1;
    bool spaced = words > 1;
    for (size_t i = 1; i < words && spaced; ++i) {
      float ignored;
      spaced = !ReadNumber(parts[i], &ignored);
    }
    if (parts.size() != width + 1 && !spaced) {
      return at("has " + Count(parts.size() - 1) + " where line 1 has " + std::to_string(width));
    }
    values.clear();
    for (size_t i = words; i < parts.size(); ++i) {
      float value;
      if (!ReadNumber(parts[i], &value)) {
        return at("\"" + std::string(parts[i]) + "\" is not a number");
      }
      values.push_back(value);
    }
    const std::string word = line.substr(0, parts[words].data() - line.data() - 1);
    if (kept.contains(word)) glove.vectors_.try_emplace(word, values);  // the first of two counts
  }
  if (in.bad()) return Status(StatusCode::kUnavailable, path + ": cannot be read");
  if (width == 0) return InvalidArgument(path + ": is empty");
  glove.width_ = static_cast<int>(width);
  return glove;
}

const std::vector<float>* Glove::Find(const std::string& word) const {
  auto found = vectors_.find(word);
  if (found == vectors_.end()) found = vectors_.find(Lowered(word));
  return found == vectors_.end() ? nullptr : &found->second;
}

}  // namespace sparsweep
