#include "trainer/qa_reader.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/catalog.h"
#include "trainer/text.h"

namespace sparsweep {
namespace {

using nlohmann::json;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Status(StatusCode::kNotFound, path + ": cannot be opened: " + std::strerror(errno));
  }
  std::stringstream buffer;
  buffer << in.rdbuf();
  std::string text = buffer.str();
  if (!IsUtf8(text)) return InvalidArgument(path + ": " + WhyNotUtf8(text));
  return text;
}

Status About(const std::string& path, const std::string& id, const std::string& what) {
  return InvalidArgument(path + ": question \"" + id + "\": " + what);
}

// Fields that are absent or of another type are null: callers ask what they got.
const json& Field(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

// Where each character of a text begins; its size is the last entry.
std::vector<uint32_t> CharacterStarts(const std::string& text) {
  std::vector<uint32_t> starts;
  for (size_t at = 0; at < text.size(); at += FirstSize(std::string_view(text).substr(at))) {
    starts.push_back(static_cast<uint32_t>(at));
  }
  starts.push_back(static_cast<uint32_t>(text.size()));
  return starts;
}

bool IsBlank(const std::string& text) { return Trim(text).empty(); }

// What every question of either format must have.
Status CheckQuestion(const std::string& path, const Question& question) {
  if (question.id.empty()) return InvalidArgument(path + ": a question has no id");
  if (IsBlank(question.text)) return About(path, question.id, "the question is empty");
  if (IsBlank(*question.context)) return About(path, question.id, "its context is empty");
  return {};
}

class SquadReader {
 public:
  SquadReader(const std::string& path, bool* may_have_none)
      : path_(path), may_have_none_(may_have_none) {}

  Result<std::vector<Question>> Read() {
    const Result<std::string> text = ReadFile(path_);
    if (!text.ok()) return text.status();
    const json whole = json::parse(*text, nullptr, /*allow_exceptions=*/false);
    const json& articles = Field(whole, "data");
    if (!articles.is_array()) {
      return InvalidArgument(path_ + ": is not SQuAD's JSON: it has no list \"data\"");
    }
    for (const json& article : articles) {
      for (const json& paragraph : Field(article, "paragraphs")) {
        if (Status status = ReadParagraph(paragraph); !status.ok()) return status;
      }
    }
    return std::move(questions_);
  }

 private:
  Status ReadParagraph(const json& paragraph) {
    const auto context = std::make_shared<const std::string>(Text(Field(paragraph, "context")));
    const std::vector<uint32_t> starts = CharacterStarts(*context);
    for (const json& qa : Field(paragraph, "qas")) {
      Question question;
      question.id = Text(Field(qa, "id"));
      question.text = Text(Field(qa, "question"));
      question.context = context;
      if (Status status = CheckQuestion(path_, question); !status.ok()) return status;
      const json& impossible = Field(qa, "is_impossible");
      if (impossible.is_boolean() && impossible.get<bool>()) *may_have_none_ = true;
      for (const json& answer : Field(qa, "answers")) {
        if (Status status = ReadAnswer(answer, starts, &question); !status.ok()) return status;
      }
      questions_.push_back(std::move(question));
    }
    return {};
  }

  Status ReadAnswer(const json& answer, const std::vector<uint32_t>& starts, Question* question) {
    const std::string text = Text(Field(answer, "text"));
    const json& start = Field(answer, "answer_start");
    if (text.empty() || !start.is_number_integer()) {
      return About(path_, question->id, "an answer has no \"text\" or no \"answer_start\"");
    }
    const int64_t at = start.get<int64_t>();
    const bool inside = at >= 0 && at < static_cast<int64_t>(starts.size());
    if (!inside || question->context->compare(starts[at], text.size(), text) != 0) {
      return About(
          path_, question->id,
          "the answer \"" + text + "\" is not in its context at character " + std::to_string(at));
    }
    if (!question->span) {
      question->span.emplace(starts[at], starts[at] + static_cast<uint32_t>(text.size()));
    }
    question->answers.push_back(text);
    return {};
  }

  const std::string& path_;
  bool* const may_have_none_;
  std::vector<Question> questions_;
};

// The first place where the first detected answer stands: [first, last] in characters.
Status ReadDetected(const std::string& path, const json& qa, const std::vector<uint32_t>& starts,
                    Question* question) {
  const json& detected = Field(qa, "detected_answers");
  if (!detected.is_array() || detected.empty()) return {};
  const json& spans = Field(detected[0], "char_spans");
  const bool whole = spans.is_array() && !spans.empty() && spans[0].is_array() &&
                     spans[0].size() == 2 && spans[0][0].is_number_integer() &&
                     spans[0][1].is_number_integer();
  if (!whole) return About(path, question->id, "its detected answer has no \"char_spans\"");
  const int64_t first = spans[0][0].get<int64_t>(), last = spans[0][1].get<int64_t>();
  if (first < 0 || last < first || last + 1 >= static_cast<int64_t>(starts.size())) {
    return About(path, question->id,
                 "the answer \"" + Text(Field(detected[0], "text")) +
                     "\" is not in its context: characters " + std::to_string(first) + " to " +
                     std::to_string(last));
  }
  question->span.emplace(starts[first], starts[last + 1]);
  return {};
}

// Every second question, so that long and short articles and sources are in both halves.
void SplitByHalf(Questions* questions) {
  std::vector<Question> dev;
  for (size_t i = 0; i < questions->dev.size(); ++i) {
    (i % 2 == 0 ? dev : questions->test).push_back(std::move(questions->dev[i]));
  }
  questions->dev = std::move(dev);
}

}  // namespace

Result<std::vector<Question>> ReadSquad(const std::string& path, bool* may_have_none) {
  return SquadReader(path, may_have_none).Read();
}

Result<std::vector<Question>> ReadMrqa(const std::string& path) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  std::vector<Question> questions;
  std::istringstream lines(*text);
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (Trim(line).empty()) continue;
    const json row = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) {
      return InvalidArgument(path + ":" + std::to_string(number) + ": is not a JSON object");
    }
    if (row.contains("header")) continue;
    const auto context = std::make_shared<const std::string>(Text(Field(row, "context")));
    const std::vector<uint32_t> starts = CharacterStarts(*context);
    for (const json& qa : Field(row, "qas")) {
      Question question;
      question.id = Text(Field(qa, "qid"));
      question.text = Text(Field(qa, "question"));
      question.context = context;
      if (Status status = CheckQuestion(path, question); !status.ok()) return status;
      for (const json& answer : Field(qa, "answers")) question.answers.push_back(Text(answer));
      if (Status status = ReadDetected(path, qa, starts, &question); !status.ok()) return status;
      questions.push_back(std::move(question));
    }
  }
  return questions;
}

Result<Questions> ReadQuestions(const TaskSpec& task, const std::filesystem::path& data_folder) {
  Questions questions;
  std::set<std::string> ids;
  for (const auto& [split, into] :
       {std::pair("train", &questions.train), std::pair("dev", &questions.dev),
        std::pair("test", &questions.test)}) {
    const auto files = task.files.find(split);
    if (files == task.files.end()) continue;
    ids.clear();
    for (const std::string& file : files->second) {
      const std::string path = TaskFile(data_folder, task, file).string();
      auto read =
          task.format == "mrqa" ? ReadMrqa(path) : ReadSquad(path, &questions.may_have_none);
      if (!read.ok()) return read.status();
      for (Question& question : *read) {
        if (!ids.insert(question.id).second) {
          return About(path, question.id, "its id is there twice");
        }
        if (into == &questions.train && !question.span && task.format == "mrqa") {
          return About(path, question.id, "it has no detected answer to train on");
        }
        into->push_back(std::move(question));
      }
    }
  }
  if (task.split_half) SplitByHalf(&questions);
  for (const auto* split : {&questions.train, &questions.dev}) {
    if (split->empty()) {
      return InvalidArgument("task \"" + task.name + "\": its " +
                             (split == &questions.train ? "train" : "dev") +
                             " split has no question");
    }
  }
  for (const auto* split : {&questions.train, &questions.dev, &questions.test}) {
    for (const Question& question : *split) {
      if (question.answers.empty() && !questions.may_have_none) {
        return InvalidArgument("task \"" + task.name + "\": question \"" + question.id +
                               "\" has no answer, and no question says that it is impossible");
      }
    }
  }
  return questions;
}

}  // namespace sparsweep
