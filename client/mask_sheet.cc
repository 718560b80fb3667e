#include "client/mask_sheet.h"

#include <algorithm>
#include <map>

#include "core/json.h"

namespace sparsweep {
namespace {

using nlohmann::json;

Status NotAnAnswer(const std::string& what) {
  return {StatusCode::kInternal, "the mask program's answer has " + what +
                                     "; both programs must be of the same version"};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ReadRow(const json& value, int query, Mask* mask) {
  const auto bytes = static_cast<size_t>((mask->length() + 7) / 8);
  if (!value.is_string() || value.get_ref<const std::string&>().size() != 2 * bytes) return false;
  const auto& hex = value.get_ref<const std::string&>();
  for (size_t byte = 0; byte < bytes; ++byte) {
    const int high = HexDigit(hex[2 * byte]), low = HexDigit(hex[2 * byte + 1]);
    if (high < 0 || low < 0) return false;
    for (int bit = 0; bit < 8; ++bit) {
      const int key = static_cast<int>(byte) * 8 + bit;
      if (((high << 4 | low) >> bit & 1) == 0) continue;
      if (key >= mask->length()) return false;
      mask->Keep(query, key);
    }
  }
  return true;
}

// Per word the words that it is joined to, each edge at both ends.
bool ReadEdges(const json& joined, size_t words, std::vector<std::pair<int, int>>* edges) {
  if (!joined.is_array() || joined.size() != words) return false;
  for (size_t word = 0; word < words; ++word) {
    if (!joined[word].is_array()) return false;
    for (const json& other : joined[word]) {
      if (!other.is_number_integer() || other < -1 || other >= words) return false;
      if (other.get<int>() < static_cast<int>(word)) {
        edges->push_back({other.get<int>(), static_cast<int>(word)});
      }
    }
  }
  std::sort(edges->begin(), edges->end());
  return true;
}

}  // namespace

Result<MaskSheet> ParseMaskSheet(const std::string& answer) {
  const Result<json> parsed = ParseJson(answer, "answer");
  if (!parsed.ok()) return parsed.status();
  Violations violations;
  ObjectReader reader(*parsed, "", &violations);
  MaskSheet sheet;
  int64_t layers = 0, heads = 0, length = 0;
  reader.String("canonical", &sheet.canonical);
  reader.Whole("layers", 1, 1000, &layers);
  reader.Whole("heads", 1, 1000, &heads);
  reader.Whole("length", 1, 1 << 20, &length);
  reader.Strings("tokens", &sheet.tokens);
  reader.Strings("words", &sheet.words);
  if (!violations.empty()) return NotAnAnswer(violations.fields().front().field + " wrong");
  if (const json* joined = reader.Find("heads_of_words")) {
    if (!ReadEdges(*joined, sheet.words.size(), &sheet.edges)) return NotAnAnswer("no parse");
  }
  const json* hashes = reader.Find("sha256");
  const json* rows = reader.Find("rows");
  if (layers == 0 || heads == 0 || length == 0 || hashes == nullptr || rows == nullptr) {
    return NotAnAnswer("no rows");
  }
  if (!sheet.tokens.empty() && sheet.tokens.size() != static_cast<size_t>(length)) {
    return NotAnAnswer("another number of tokens than its length");
  }
  sheet.length = static_cast<int>(length);
  for (int layer = 0; layer < layers; ++layer) sheet.layers.push_back(layer);
  for (int head = 0; head < heads; ++head) sheet.heads.push_back(head);
  std::map<std::string, int> known;  // by hash
  const auto is_list = [](const json& value, int64_t size) {
    return value.is_array() && value.size() == static_cast<size_t>(size);
  };
  if (!is_list(*hashes, layers) || !is_list(*rows, layers)) return NotAnAnswer("missing layers");
  for (size_t layer = 0; layer < sheet.layers.size(); ++layer) {
    const json &of_layer = (*rows)[layer], &hashes_of_layer = (*hashes)[layer];
    if (!is_list(of_layer, heads) || !is_list(hashes_of_layer, heads)) {
      return NotAnAnswer("missing heads");
    }
    for (size_t head = 0; head < sheet.heads.size(); ++head) {
      if (!is_list(of_layer[head], length) || !hashes_of_layer[head].is_string()) {
        return NotAnAnswer("missing rows");
      }
      const auto [found, added] = known.try_emplace(hashes_of_layer[head].get<std::string>(),
                                                    static_cast<int>(sheet.masks.size()));
      sheet.index.push_back(found->second);
      if (!added) continue;
      Mask& mask = sheet.masks.emplace_back(sheet.length);
      for (int query = 0; query < sheet.length; ++query) {
        if (!ReadRow(of_layer[head][static_cast<size_t>(query)], query, &mask)) {
          return NotAnAnswer("a row that is no hex of its length");
        }
      }
    }
  }
  return sheet;
}

Result<MaskSheet> SelectMasks(const MaskSheet& sheet, int layer, int head) {
  const auto check = [](const char* flag, int number, size_t count) -> Status {
    if (number < static_cast<int>(count)) return {};
    return InvalidArgument(std::string(flag) + " " + std::to_string(number) +
                           " is beyond the model: they are numbered 0 to " +
                           std::to_string(count - 1));
  };
  if (const Status status = check("--layer", layer, sheet.layers.size()); !status.ok()) {
    return status;
  }
  if (const Status status = check("--head", head, sheet.heads.size()); !status.ok()) return status;
  MaskSheet part = sheet;
  part.index.clear();
  part.masks.clear();
  if (layer >= 0) part.layers = {layer};
  if (head >= 0) part.heads = {head};
  std::map<int, int> kept;  // index in the sheet -> index in the part
  for (const int l : part.layers) {
    for (const int h : part.heads) {
      const int old = sheet.index[static_cast<size_t>(l) * sheet.heads.size() +
                                  static_cast<size_t>(h)];
      const auto [found, added] = kept.try_emplace(old, static_cast<int>(part.masks.size()));
      part.index.push_back(found->second);
      if (added) part.masks.push_back(sheet.masks[static_cast<size_t>(old)]);
    }
  }
  return part;
}

}  // namespace sparsweep
