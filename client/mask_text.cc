// Masks as block characters.
#include <fmt/format.h>

#include <algorithm>

#include "client/mask_formats.h"
#include "client/table.h"

namespace sparsweep {
namespace {

constexpr size_t kMasksOnATerminal = 12;
constexpr int kWidestToken = 16;

// How a picture fills the width: characters per entry and queries per line.
struct Form {
  int characters;
  int queries;
};

// "0-3,7" of ascending numbers.
std::string Ranges(const std::vector<int>& numbers) {
  std::string out;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    out += (out.empty() ? "" : ",") + std::to_string(numbers[i]);
    if (end > i) out += "-" + std::to_string(numbers[end]);
    i = end + 1;
  }
  return out;
}

std::string Named(const char* one, const std::vector<int>& numbers) {
  return std::string(one) + (numbers.size() == 1 ? " " : "s ") + Ranges(numbers);
}

// "layers 0-3, head 2; layer 4, heads 0,2": layers with the same heads stand together.
std::string Cells(const MaskSheet& sheet, int mask) {
  std::vector<std::pair<std::vector<int>, std::vector<int>>> groups;  // heads, layers
  for (size_t layer = 0; layer < sheet.layers.size(); ++layer) {
    std::vector<int> heads;
    for (size_t head = 0; head < sheet.heads.size(); ++head) {
      if (sheet.index[layer * sheet.heads.size() + head] == mask) {
        heads.push_back(sheet.heads[head]);
      }
    }
    if (heads.empty()) continue;
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return group.first == heads; });
    if (same == groups.end()) {
      groups.push_back({heads, {sheet.layers[layer]}});
    } else {
      same->second.push_back(sheet.layers[layer]);
    }
  }
  std::string out;
  for (const auto& [heads, layers] : groups) {
    out += (out.empty() ? "" : "; ") + Named("layer", layers) + ", " + Named("head", heads);
  }
  return out;
}

std::string Plural(size_t n, const char* one) {
  return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

// Numbers and names of queries, all of one width; the name is empty where there are no tokens.
class RowLabels {
 public:
  explicit RowLabels(const MaskSheet& sheet)
      : sheet_(sheet), digits_(static_cast<int>(std::to_string(sheet.length - 1).size())) {
    for (const std::string& token : sheet.tokens) {
      widest_ = std::max(widest_, std::min(kWidestToken, DisplayWidth(token)));
    }
  }
  int width() const { return digits_ + (widest_ > 0 ? widest_ + 1 : 0) + 1; }
  std::string At(int query) const {
    std::string label = fmt::format("{:>{}} ", query, digits_);
    if (widest_ == 0) return label;
    const std::string token = FitText(sheet_.tokens[static_cast<size_t>(query)], widest_);
    return label + token +
           std::string(static_cast<size_t>(widest_ - DisplayWidth(token)) + 1, ' ');
  }

 private:
  const MaskSheet& sheet_;
  int digits_;
  int widest_ = 0;
};

std::string Picture(const Mask& mask, const RowLabels& labels, Form form) {
  const auto indent = static_cast<size_t>(labels.width());
  const int n = mask.length();
  std::string tens(indent, ' '), ones(indent, ' ');
  for (int key = 0; key < n; ++key) {
    // Every tenth column has its number, where there is room for it.
    const std::string number = std::to_string(key);
    if (key % 10 == 0 && key > 0) {
      tens.resize(indent + static_cast<size_t>(key * form.characters), ' ');
      tens += number;
    }
    ones += std::string(1, number.back()) + (form.characters == 2 ? " " : "");
  }
  std::string out = n > 10 ? tens + "\n" : "";
  ones.erase(ones.find_last_not_of(' ') + 1);
  out += ones + "\n";
  for (int query = 0; query < n; query += form.queries) {
    std::string line = labels.At(query);
    for (int key = 0; key < n; ++key) {
      const bool kept = mask.at(query, key);
      if (form.queries == 2) {
        const bool below = query + 1 < n && mask.at(query + 1, key);
        line += kept ? (below ? "█" : "▀") : (below ? "▄" : " ");
      } else {
        line += form.characters == 2 ? (kept ? "██" : "· ") : (kept ? "█" : "·");
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// The edges of the parse, the lower word first.
std::string Parse(const MaskSheet& sheet) {
  std::string out;
  for (const auto& [a, b] : sheet.edges) {
    out += fmt::format("{}{}–{}", out.empty() ? "" : "  ",
                       a < 0 ? "ROOT" : sheet.words[static_cast<size_t>(a)],
                       sheet.words[static_cast<size_t>(b)]);
  }
  return out;
}

}  // namespace

Result<std::string> MaskText(const MaskSheet& sheet, int width) {
  const RowLabels labels(sheet);
  const auto fits = [&](int characters) {
    return width == 0 || labels.width() + characters * sheet.length <= width;
  };
  if (!fits(1)) {
    return InvalidArgument(fmt::format(
        "{} tokens need {} columns and the terminal has {}; widen it, ask for a shorter text or "
        "for --format png --output FILE",
        sheet.length, labels.width() + sheet.length, width));
  }
  const Form form = fits(2)                 ? Form{2, 1}
                    : sheet.tokens.empty() ? Form{1, 2}
                                            : Form{1, 1};
  std::string out = fmt::format("{}\n{}, {}, {}\n", sheet.canonical,
                                Plural(sheet.layers.size(), "layer"),
                                Plural(sheet.heads.size(), "head"),
                                Plural(static_cast<size_t>(sheet.length), "token"));
  if (!sheet.edges.empty()) out += "parse: " + Parse(sheet) + "\n";
  const size_t shown =
      width > 0 ? std::min(sheet.masks.size(), kMasksOnATerminal) : sheet.masks.size();
  for (size_t i = 0; i < shown; ++i) {
    const Mask& mask = sheet.masks[i];
    out += fmt::format("\n{}: {} of {} kept, density {:.4f}", Cells(sheet, static_cast<int>(i)),
                       mask.kept(), static_cast<int64_t>(sheet.length) * sheet.length,
                       mask.density());
    if (mask.empty_rows() > 0) {
      out += ", " + Plural(static_cast<size_t>(mask.empty_rows()), "empty row");
    }
    out += "\n" + Picture(mask, labels, form);
  }
  if (shown < sheet.masks.size()) {
    out += fmt::format(
        "\n... and {} that differ; --layer L --head H shows one, --format png all of them\n",
        Plural(sheet.masks.size() - shown, "mask"));
  }
  return out;
}

}  // namespace sparsweep
