// Questions with contexts and answers out of SQuAD's JSON (1.1 and 2.0) and MRQA's JSON lines.
// Complaints name the file and the question. Not here: tokens (qa_windows.h). One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/sweep_spec.h"

namespace sparsweep {

struct Question {
  std::string id, text;
  std::shared_ptr<const std::string> context;  // shared by the questions about it
  std::vector<std::string> answers;            // gold; empty: it has none
  // Of the first answer, in bytes of the context: [begin, end).
  std::optional<std::pair<uint32_t, uint32_t>> span;
};

struct Questions {
  std::vector<Question> train, dev, test;
  bool may_have_none = false;  // some question is_impossible: SQuAD 2.0
};

// The questions of one file. Answers of SQuAD must stand in their context where they say.
Result<std::vector<Question>> ReadSquad(const std::string& path, bool* may_have_none);
Result<std::vector<Question>> ReadMrqa(const std::string& path);

// The task's questions. With a split by half the dev questions are dealt in turn to dev and test.
// Every training question must have an answer unless the data knows questions without any.
Result<Questions> ReadQuestions(const TaskSpec& task, const std::filesystem::path& data_folder);

}  // namespace sparsweep
