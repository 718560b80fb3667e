// Labelled texts out of TSV, CSV (RFC 4180) and JSONL files with named columns, split and
// de-duplicated as the task says. Every complaint about a row has file and line. Not here: tokens.
// One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sweep_spec.h"

namespace sparsweep {

struct Example {
  std::string text, text_pair;  // trimmed; text_pair is empty for a task with one text column
  int label = 0;                // index into the task's labels
  std::optional<double> target = {};  // of regression, in place of it
  int32_t file = 0;             // where it was read: the number of the file in TrialFiles
  int64_t line = 0;
};

struct Examples {
  std::vector<Example> train, dev, test;  // test may be empty
};

// Whose examples a trial reads, in this order: the train files, the dev files, the test files.
std::vector<std::string> TrialFiles(const TaskSpec& task, const std::filesystem::path& data_folder);

// One row of a file: the values of the columns asked for, in that order.
using RowSink = std::function<Status(int64_t line, const std::vector<std::string>& values)>;

// Calls `sink` for every row of `path`. `columns` are names of the header line (tsv, csv) or fields
// of each object (jsonl). tsv is raw: no quotes, a tab or line end cannot be inside a value.
Status ReadRows(const std::string& path, const std::string& format,
                const std::vector<std::string>& columns, const RowSink& sink);

// Whether a split by hash puts this text into dev, which gets `share` of all.
bool HeldOut(const std::string& text, double share);

// The task's examples. Texts are trimmed. With a split by hash, exact duplicates of a text (or
// pair) are dropped, the first is kept, and a text is dev if the first 8 bytes of the SHA-256 of
// the text (of a pair: text TAB text_pair), big-endian, are below share * 2^64. A class that occurs
// in dev or test and never in train is an error.
Result<Examples> ReadExamples(const TaskSpec& task, const std::filesystem::path& data_folder);

}  // namespace sparsweep
