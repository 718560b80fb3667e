#include "trainer/reader.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/catalog.h"
#include "core/sha256.h"
#include "trainer/text.h"

namespace sparsweep {
namespace {

Status At(const std::string& path, int64_t line, const std::string& what) {
  return InvalidArgument(path + ":" + std::to_string(line) + ": " + what);
}

// Takes the next line off `rest`, without its LF or CRLF.
std::string_view TakeLine(std::string_view* rest) {
  size_t end = rest->find('\n');
  std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<std::string> SplitTabs(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    size_t tab = line.find('\t');
    fields.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

// Takes one RFC 4180 record off `rest`; `lines` is how many lines it spans. False if a quote is
// never closed or text follows a closing quote.
bool TakeRecord(std::string_view* rest, std::vector<std::string>* fields, int64_t* lines) {
  fields->assign(1, "");
  *lines = 1;
  size_t i = 0;
  const std::string_view text = *rest;
  bool at_start = true;  // of a field
  for (;;) {
    if (i == text.size()) break;
    char c = text[i];
    if (at_start && c == '"') {
      for (++i;; ++i) {
        if (i == text.size()) return false;
        if (text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"')
          ++i;
        else if (text[i] == '"')
          break;
        *lines += text[i] == '\n';
        fields->back() += text[i];
      }
      ++i;
      if (i < text.size() && text[i] != ',' && text[i] != '\n' && text[i] != '\r') return false;
      at_start = false;
      continue;
    }
    at_start = false;
    ++i;
    if (c == '\n') break;
    if (c == '\r' && i < text.size() && text[i] == '\n') continue;
    if (c == ',') {
      fields->emplace_back();
      at_start = true;
    } else {
      fields->back() += c;
    }
  }
  rest->remove_prefix(i);
  return true;
}

// Where each of `columns` stands in the header.
Result<std::vector<size_t>> FindColumns(const std::string& path,
                                        const std::vector<std::string>& header,
                                        const std::vector<std::string>& columns) {
  std::vector<size_t> positions;
  for (const std::string& column : columns) {
    auto found = std::ranges::find(header, column);
    if (found == header.end()) {
      std::string names;
      for (const std::string& name : header) names += (names.empty() ? "" : ", ") + name;
      return At(path, 1, "has no column \"" + column + "\"; it has: " + names);
    }
    positions.push_back(static_cast<size_t>(found - header.begin()));
  }
  return positions;
}

Status ReadTable(const std::string& path, std::string_view text, bool csv,
                 const std::vector<std::string>& columns, const RowSink& sink) {
  int64_t line = 1, span = 1;
  std::vector<std::string> fields, values(columns.size());
  std::vector<size_t> positions;
  size_t width = 0;
  while (!text.empty()) {
    if (csv) {
      if (!TakeRecord(&text, &fields, &span)) return At(path, line, "a quoted value is not closed");
    } else {
      fields = SplitTabs(TakeLine(&text));
    }
    if (width == 0) {
      auto found = FindColumns(path, fields, columns);
      if (!found.ok()) return found.status();
      positions = *found;
      width = fields.size();
    } else if (fields.size() != 1 || !fields[0].empty()) {  // an empty line is no row
      if (fields.size() != width) {
        return At(path, line,
                  "has " + std::to_string(fields.size()) + " values where the header has " +
                      std::to_string(width));
      }
      for (size_t i = 0; i < columns.size(); ++i) values[i] = fields[positions[i]];
      Status status = sink(line, values);
      if (!status.ok()) return status;
    }
    line += span;
  }
  return {};
}

Status ReadJsonLines(const std::string& path, std::string_view text,
                     const std::vector<std::string>& columns, const RowSink& sink) {
  std::vector<std::string> values(columns.size());
  for (int64_t line = 1; !text.empty(); ++line) {
    std::string_view row = TakeLine(&text);
    if (row.empty()) continue;
    auto json = nlohmann::json::parse(row, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return At(path, line, "is not a JSON object");
    for (size_t i = 0; i < columns.size(); ++i) {
      auto value = json.find(columns[i]);
      if (value == json.end()) return At(path, line, "has no field \"" + columns[i] + "\"");
      if (value->is_string()) {
        values[i] = value->get<std::string>();
      } else if (value->is_number() || value->is_boolean()) {
        values[i] = value->dump();
      } else {
        return At(path, line, "field \"" + columns[i] + "\" is not a string or number");
      }
    }
    Status status = sink(line, values);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace

bool HeldOut(const std::string& text, double share) {
  Digest digest = Sha256(text);
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | digest[i];
  return static_cast<long double>(value) < static_cast<long double>(share) * 0x1p64L;
}

Status ReadRows(const std::string& path, const std::string& format,
                const std::vector<std::string>& columns, const RowSink& sink) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Status(StatusCode::kNotFound, path + ": cannot be opened: " + std::strerror(errno));
  }
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string text = buffer.str();
  std::string_view rest = text;
  for (int64_t line = 1; !rest.empty(); ++line) {
    const std::string_view read = TakeLine(&rest);
    if (!IsUtf8(read)) return At(path, line, WhyNotUtf8(read));
  }
  rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  if (format == "jsonl") return ReadJsonLines(path, rest, columns, sink);
  return ReadTable(path, rest, format == "csv", columns, sink);
}

std::vector<std::string> TrialFiles(const TaskSpec& task,
                                    const std::filesystem::path& data_folder) {
  std::vector<std::string> paths;
  for (const char* split : {"train", "dev", "test"}) {
    const auto files = task.files.find(split);
    if (files == task.files.end()) continue;
    for (const std::string& file : files->second) {
      paths.push_back(TaskFile(data_folder, task, file).string());
    }
  }
  return paths;
}

namespace {

// Rows of a task's files as examples.
class ExampleReader {
 public:
  ExampleReader(const TaskSpec& task, const std::filesystem::path& data_folder)
      : task_(task), files_(TrialFiles(task, data_folder)) {
    for (size_t i = 0; i < task.labels.size(); ++i) {
      classes_[task.labels[i]] = static_cast<int>(i);
      known_ += (i ? ", " : "") + task.labels[i];
    }
  }

  Result<Examples> Read() {
    const std::string text = Column("text"), label = Column("label");
    if (text.empty() || label.empty()) {
      return InvalidArgument("task \"" + task_.name + "\": columns must name text and label");
    }
    std::vector<std::string> columns = {text, label};
    if (!Column("text_pair").empty()) columns.push_back(Column("text_pair"));
    const auto count = [&](const char* split) {
      return task_.files.contains(split) ? task_.files.at(split).size() : 0;
    };
    const size_t train = count("train"), dev = train + count("dev");
    for (size_t number = 0; number < files_.size(); ++number) {
      auto* into = number < train ? &examples_.train
                   : number < dev ? &examples_.dev
                                  : &examples_.test;
      Status status = ReadRows(
          files_[number], task_.format, columns,
          [&](int64_t line, const auto& values) { return Add(number, line, values, into); });
      if (!status.ok()) return status;
    }
    if (examples_.train.empty() || examples_.dev.empty()) {
      return InvalidArgument("task \"" + task_.name + "\": its " +
                             (examples_.train.empty() ? "train" : "dev") + " split has no example");
    }
    if (Status status = CheckClasses(); !status.ok()) return status;
    return std::move(examples_);
  }

 private:
  std::string Column(const char* role) const {
    const auto found = task_.columns.find(role);
    return found == task_.columns.end() ? std::string() : found->second;
  }

  Status Add(size_t number, int64_t line, const std::vector<std::string>& values,
             std::vector<Example>* into) {
    const std::string& path = files_[number];
    Example example;
    example.file = static_cast<int32_t>(number);
    example.line = line;
    example.text = Trim(values[0]);
    if (example.text.empty()) {
      return At(path, line, "the text in \"" + Column("text") + "\" is empty");
    }
    if (Status status = SetLabel(path, line, std::string(Trim(values[1])), &example);
        !status.ok()) {
      return status;
    }
    std::string key = example.text;
    if (values.size() > 2) {
      example.text_pair = Trim(values[2]);
      if (example.text_pair.empty()) {
        return At(path, line, "the text in \"" + Column("text_pair") + "\" is empty");
      }
      key += "\t" + example.text_pair;
    }
    if (task_.split_dev > 0 && into != &examples_.test) {
      if (!seen_.insert(key).second) return {};
      into = HeldOut(key, task_.split_dev) ? &examples_.dev : &examples_.train;
    }
    into->push_back(std::move(example));
    return {};
  }

  Status SetLabel(const std::string& path, int64_t line, const std::string& text,
                  Example* example) const {
    if (task_.type == "regression") {
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        return At(path, line, "label \"" + text + "\" is not a number");
      }
      example->target = value;
      return {};
    }
    const auto found = classes_.find(text);
    if (found == classes_.end()) {
      return At(path, line, "label \"" + text + "\" is none of: " + known_);
    }
    example->label = found->second;
    return {};
  }

  // What a model never saw it cannot tell: the label sets of the splits must agree.
  Status CheckClasses() const {
    if (task_.type != "classification") return {};
    std::set<int> trained;
    for (const Example& example : examples_.train) trained.insert(example.label);
    for (const auto* split : {&examples_.dev, &examples_.test}) {
      for (const Example& example : *split) {
        if (trained.contains(example.label)) continue;
        return At(files_[example.file], example.line,
                  "label \"" + task_.labels[example.label] + "\" occurs in " +
                      (split == &examples_.dev ? "dev" : "test") +
                      " and in no training example; add such examples to train, or drop these");
      }
    }
    return {};
  }

  const TaskSpec& task_;
  const std::vector<std::string> files_;
  std::map<std::string, int> classes_;
  std::string known_;
  std::set<std::string> seen_;
  Examples examples_;
};

}  // namespace

Result<Examples> ReadExamples(const TaskSpec& task, const std::filesystem::path& data_folder) {
  return ExampleReader(task, data_folder).Read();
}

}  // namespace sparsweep
