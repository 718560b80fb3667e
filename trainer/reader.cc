#include "trainer/reader.h"

#include <cerrno>
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

bool HeldOut(const std::string& key, double share) {
  Digest digest = Sha256(key);
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | digest[i];
  return static_cast<long double>(value) < static_cast<long double>(share) * 0x1p64L;
}

}  // namespace

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
    if (!IsUtf8(TakeLine(&rest))) return At(path, line, "is not valid UTF-8");
  }
  rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  if (format == "jsonl") return ReadJsonLines(path, rest, columns, sink);
  return ReadTable(path, rest, format == "csv", columns, sink);
}

std::vector<std::string> TrialFiles(const TaskSpec& task,
                                    const std::filesystem::path& data_folder) {
  std::vector<std::string> paths;
  for (const char* split : {"train", "dev"}) {
    const auto files = task.files.find(split);
    if (files == task.files.end()) continue;
    for (const std::string& file : files->second) {
      paths.push_back(TaskFile(data_folder, task, file).string());
    }
  }
  return paths;
}

Result<Examples> ReadExamples(const TaskSpec& task, const std::filesystem::path& data_folder) {
  auto column = [&](const char* role) {
    auto found = task.columns.find(role);
    return found == task.columns.end() ? std::string() : found->second;
  };
  const std::string text = column("text"), pair = column("text_pair"), label = column("label");
  if (text.empty() || label.empty()) {
    return InvalidArgument("task \"" + task.name + "\": columns must name text and label");
  }
  std::vector<std::string> columns = {text, label};
  if (!pair.empty()) columns.push_back(pair);
  std::map<std::string, int> classes;
  std::string known;
  for (size_t i = 0; i < task.labels.size(); ++i) {
    classes[task.labels[i]] = static_cast<int>(i);
    known += (i ? ", " : "") + task.labels[i];
  }

  Examples examples;
  std::set<std::string> seen;
  const std::vector<std::string> files = TrialFiles(task, data_folder);
  const size_t train_files = task.files.contains("train") ? task.files.at("train").size() : 0;
  for (size_t number = 0; number < files.size(); ++number) {  // nothing reports on test yet
    const std::string& path = files[number];
    Status status = ReadRows(path, task.format, columns, [&](int64_t line, const auto& values) {
      Example example;
      example.file = static_cast<int32_t>(number);
      example.line = line;
      example.text = Trim(values[0]);
      if (example.text.empty()) return At(path, line, "the text in \"" + text + "\" is empty");
      auto found = classes.find(std::string(Trim(values[1])));
      if (found == classes.end()) {
        return At(path, line, "label \"" + values[1] + "\" is none of: " + known);
      }
      example.label = found->second;
      std::string key = example.text;
      if (!pair.empty()) {
        example.text_pair = Trim(values[2]);
        if (example.text_pair.empty()) {
          return At(path, line, "the text in \"" + pair + "\" is empty");
        }
        key += "\t" + example.text_pair;
      }
      bool dev = number >= train_files;
      if (task.split_dev > 0) {
        if (!seen.insert(key).second) return Status();
        dev = HeldOut(key, task.split_dev);
      }
      (dev ? examples.dev : examples.train).push_back(std::move(example));
      return Status();
    });
    if (!status.ok()) return status;
  }
  if (examples.train.empty() || examples.dev.empty()) {
    return InvalidArgument("task \"" + task.name + "\": its " +
                           (examples.train.empty() ? "train" : "dev") + " split has no example");
  }
  return examples;
}

}  // namespace sparsweep
