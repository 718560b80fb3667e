#include "trainer/conllu.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

#include "trainer/text.h"

namespace sparsweep {
namespace {

// The columns that are read, of the ten of a line.
constexpr size_t kId = 0, kForm = 1, kHead = 6, kColumns = 10;

Status At(const std::string& name, int64_t line, const std::string& what) {
  return InvalidArgument(name + ":" + std::to_string(line) + ": " + what);
}

std::optional<int32_t> Whole(std::string_view text) {
  int32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// One sentence while its lines come in.
class SentenceReader {
 public:
  SentenceReader(const std::string& name) : name_(name) {}
  bool empty() const { return rows_.empty() && joined_.empty(); }

  Status Add(int64_t line, std::string_view row) {
    std::array<std::string_view, kColumns> columns;
    size_t count = 0;
    for (;; ++count) {
      const size_t tab = row.find('\t');
      if (count < kColumns) columns[count] = row.substr(0, tab);
      if (tab == std::string_view::npos) break;
      row.remove_prefix(tab + 1);
    }
    if (++count != kColumns) {
      return At(name_, line, "has " + std::to_string(count) + " columns where CoNLL-U has 10");
    }
    const std::string_view id = columns[kId];
    if (const size_t dot = id.find('.'); dot != std::string_view::npos) {
      if (!Whole(id.substr(0, dot)) || !Whole(id.substr(dot + 1))) {
        return At(name_, line, "id " + Quoted(id) + " is no number");
      }
      return {};  // an empty node
    }
    if (Trim(columns[kForm]).empty()) return At(name_, line, "the word is empty");
    const auto next = static_cast<int32_t>(rows_.size()) + 1;
    if (const size_t dash = id.find('-'); dash != std::string_view::npos) {
      const auto from = Whole(id.substr(0, dash)), to = Whole(id.substr(dash + 1));
      if (!from || !to || *from != next || *to <= *from || (!joined_.empty() && !Complete())) {
        return At(name_, line, "id " + Quoted(id) + " is no range that begins at the next word");
      }
      joined_.push_back({*from, *to, std::string(columns[kForm]), line});
      return {};
    }
    if (Whole(id) != next) {
      return At(name_, line, "id " + Quoted(id) + " where " + std::to_string(next) + " comes next");
    }
    const auto head = Whole(columns[kHead]);
    if (!head) return At(name_, line, "head " + Quoted(columns[kHead]) + " is no number");
    if (*head == next) return At(name_, line, "word " + std::to_string(next) + " is its own head");
    rows_.push_back({std::string(columns[kForm]), line, *head});
    return {};
  }

  Result<ConlluSentence> Finish() {
    const auto size = static_cast<int32_t>(rows_.size());
    if (!joined_.empty() && !Complete()) {
      return At(name_, joined_.back().line,
                "the range ends beyond the sentence's " + std::to_string(size) + " words");
    }
    for (const Row& row : rows_) {
      if (row.head > size) {
        return At(name_, row.line,
                  "head " + std::to_string(row.head) + " is none of the sentence's " +
                      std::to_string(size) + " words");
      }
    }
    ConlluSentence sentence;
    std::vector<int32_t> node(size);  // row -> word of the sentence
    size_t range = 0;
    for (int32_t i = 0; i < size; ++i) {
      if (range < joined_.size() && joined_[range].from == i + 1) {
        const Range& joined = joined_[range++];
        std::string spelled;
        for (int32_t j = joined.from; j <= joined.to; ++j) spelled += rows_[j - 1].form;
        if (spelled != joined.form) {
          sentence.words.push_back({joined.form, joined.line});
          for (; i < joined.to; ++i) node[i] = static_cast<int32_t>(sentence.words.size()) - 1;
          --i;
          continue;
        }
      }
      node[i] = static_cast<int32_t>(sentence.words.size());
      sentence.words.push_back({rows_[i].form, rows_[i].line});
    }
    for (int32_t i = 0; i < size; ++i) {
      if (rows_[i].head == 0) {
        sentence.roots.push_back(node[i]);
      } else if (const int32_t head = node[rows_[i].head - 1]; head != node[i]) {
        sentence.edges.emplace_back(head, node[i]);
      }
    }
    if (sentence.roots.empty())
      return At(name_, rows_[0].line, "the sentence has no root (head 0)");
    rows_.clear();
    joined_.clear();
    return sentence;
  }

 private:
  struct Row {
    std::string form;
    int64_t line;
    int32_t head;
  };
  struct Range {
    int32_t from, to;
    std::string form;
    int64_t line;
  };
  // Whether all words of the last range are there.
  bool Complete() const { return static_cast<int32_t>(rows_.size()) >= joined_.back().to; }

  const std::string& name_;
  std::vector<Row> rows_;
  std::vector<Range> joined_;
};

// Takes white space off the front of `text`.
void SkipSpace(std::string_view* text) { *text = TrimStart(*text); }

// Takes `form` off the front of `text`, white space in either apart.
bool TakeForm(std::string_view form, std::string_view* text) {
  for (SkipSpace(&form); !form.empty(); SkipSpace(&form)) {
    SkipSpace(text);
    if (text->empty() || text->front() != form.front()) return false;
    text->remove_prefix(1);
    form.remove_prefix(1);
    // The rest of a character, whose bytes are no white space of their own.
    while (!form.empty() && (static_cast<uint8_t>(form.front()) & 0xC0) == 0x80) {
      if (text->empty() || text->front() != form.front()) return false;
      text->remove_prefix(1);
      form.remove_prefix(1);
    }
  }
  return true;
}

std::string Beginning(std::string_view text) {
  size_t end = std::min<size_t>(text.size(), 40);
  while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
  return Quoted(text.substr(0, end));
}

}  // namespace

Result<std::vector<ConlluSentence>> ParseConllu(const std::string& name, std::string_view text) {
  std::vector<ConlluSentence> sentences;
  SentenceReader reader(name);
  const auto finish = [&]() -> Status {
    if (reader.empty()) return {};
    auto sentence = reader.Finish();
    if (!sentence.ok()) return sentence.status();
    sentences.push_back(*std::move(sentence));
    return {};
  };
  for (int64_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (!IsUtf8(row)) return At(name, line, "is not valid UTF-8");
    Status status;
    if (row.empty()) {
      status = finish();
    } else if (row.front() != '#') {
      status = reader.Add(line, row);
    }
    if (!status.ok()) return status;
  }
  if (Status status = finish(); !status.ok()) return status;
  return sentences;
}

Result<ConlluAligner> ConlluAligner::Open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path + ": cannot be opened");
  std::stringstream buffer;
  buffer << in.rdbuf();
  auto sentences = ParseConllu(path, buffer.str());
  if (!sentences.ok()) return sentences.status();
  return ConlluAligner(path, *std::move(sentences));
}

Result<ParsedText> ConlluAligner::Take(std::string_view text, const std::string& where) {
  ParsedText parsed;
  std::string_view rest = text;
  for (SkipSpace(&rest); !rest.empty(); SkipSpace(&rest)) {
    if (next_ == sentences_.size()) {
      return InvalidArgument(name_ + ": has no sentence for " + where + " from " + Beginning(rest) +
                             " on; the file must hold the sentences of all texts, in their order");
    }
    const ConlluSentence& sentence = sentences_[next_++];
    ParsedText one;
    for (const auto& word : sentence.words) {
      SkipSpace(&rest);
      const std::string_view before = rest;
      if (!TakeForm(word.form, &rest)) {
        return At(name_, word.line,
                  "word " + Quoted(word.form) + " does not align with " + where + ", where " +
                      (before.empty() ? "the text ends" : Beginning(before) + " stands") +
                      "; the file must hold the sentences of all texts, in their order");
      }
      one.words.push_back({static_cast<uint32_t>(text.size() - before.size()),
                           static_cast<uint32_t>(text.size() - rest.size())});
    }
    one.edges = sentence.edges;
    one.roots = sentence.roots;
    one.sentences = one.parsed = 1;
    parsed.Append(one, 0);
  }
  return parsed;
}

Status ConlluAligner::GoTo(int64_t sentence) {
  if (sentence < 1 || sentence > static_cast<int64_t>(sentences_.size())) {
    return InvalidArgument(name_ + ": has " + std::to_string(sentences_.size()) +
                           " sentences, counted from 1; there is no sentence " +
                           std::to_string(sentence));
  }
  next_ = static_cast<size_t>(sentence) - 1;
  return {};
}

std::string ConlluAligner::NextWords() const {
  std::string words;
  if (next_ == sentences_.size()) return words;
  for (const auto& word : sentences_[next_].words) words += (words.empty() ? "" : " ") + word.form;
  return words;
}

Status ConlluAligner::Finish() const {
  if (next_ == sentences_.size()) return {};
  const auto& word = sentences_[next_].words.front();
  return At(name_, word.line,
            "sentence " + Quoted(word.form) + " ... belongs to no text: the data ends before it");
}

}  // namespace sparsweep
