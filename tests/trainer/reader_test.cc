// Labelled texts from files: the three formats, the split by hash, and complaints with file and
// line.
#include "trainer/reader.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "tests/trainer/temp_folder.h"
#include "trainer/text.h"

namespace sparsweep {
namespace {

struct Files {
  TempFolder folder;
  TaskSpec task;

  explicit Files(const std::string& format, const std::string& train, const std::string& dev = "") {
    task.name = "mine";
    task.format = format;
    task.columns = {{"text", "t"}, {"label", "y"}};
    task.labels = {"no", "yes"};
    task.files["train"] = {folder.Write("train", train)};
    if (!dev.empty()) task.files["dev"] = {folder.Write("dev", dev)};
  }
  Result<Examples> Read() const { return ReadExamples(task, folder.path()); }
  // The complaint, without the folder's name.
  std::string Error() const {
    auto examples = Read();
    if (examples.ok()) return "none";
    std::string message = examples.status().message(), prefix = folder.path().string() + "/";
    size_t at = message.find(prefix);
    return at == std::string::npos ? message : message.erase(at, prefix.size());
  }
};

TEST(Reader, TsvIsRaw) {
  Files files("tsv", "id\tt\ty\n1\t \"quoted, text\" \tyes\r\n\n2\tb\tno\n", "t\ty\nc\tyes\n");
  auto examples = files.Read();
  // The dev file has its own header, so columns may stand elsewhere.
  ASSERT_TRUE(examples.ok()) << examples.status().message();
  ASSERT_EQ(examples->train.size(), 2u);
  EXPECT_EQ(examples->train[0].text, "\"quoted, text\"");
  EXPECT_EQ(examples->train[0].label, 1);
  EXPECT_EQ(examples->train[1].label, 0);
  EXPECT_EQ(examples->dev[0].text, "c");
}

TEST(Reader, CsvFollowsRfc4180) {
  Files files("csv", "y,t\r\nyes,\"a \"\"b\"\", c\"\r\nno,\"two\nlines\"\nno,plain",
              "y,t\nyes,d\n");
  auto examples = files.Read();
  ASSERT_TRUE(examples.ok()) << examples.status().message();
  ASSERT_EQ(examples->train.size(), 3u);
  EXPECT_EQ(examples->train[0].text, "a \"b\", c");
  EXPECT_EQ(examples->train[1].text, "two\nlines");
  EXPECT_EQ(examples->train[2].text, "plain");
}

TEST(Reader, JsonLinesTakeNumbersAsLabels) {
  Files files("jsonl", "\xEF\xBB\xBF{\"t\":\"a\",\"y\":1}\n\n{\"y\":0,\"t\":\"\\u00e9\"}\n",
              "{\"t\":\"b\",\"y\":\"1\"}\n");
  files.task.labels = {"0", "1"};
  auto examples = files.Read();
  ASSERT_TRUE(examples.ok()) << examples.status().message();
  EXPECT_EQ(examples->train[0].label, 1);
  EXPECT_EQ(examples->train[1].text, "\xC3\xA9");
}

TEST(Reader, TwoTextColumns) {
  Files files("tsv", "t\tu\ty\na\t b \tyes\n", "t\tu\ty\nc\td\tyes\n");
  files.task.columns["text_pair"] = "u";
  auto examples = files.Read();
  ASSERT_TRUE(examples.ok()) << examples.status().message();
  EXPECT_EQ(examples->train[0].text_pair, "b");
}

TEST(Reader, SplitsByHashAndDropsDuplicates) {
  std::string rows = "t\ty\n";
  for (int i = 0; i < 200; ++i) rows += "text " + std::to_string(i % 100) + " \tyes\n";
  Files files("tsv", rows);
  files.task.split_dev = 0.25;
  auto examples = files.Read();
  ASSERT_TRUE(examples.ok()) << examples.status().message();
  EXPECT_EQ(examples->train.size() + examples->dev.size(), 100u);
  for (auto [split, dev] : {std::pair(&examples->train, false), std::pair(&examples->dev, true)}) {
    for (const Example& example : *split) {
      EXPECT_EQ(Sha256(example.text)[0] < 64, dev) << "the first byte decides a quarter";
    }
  }
}

TEST(Reader, ComplainsWithFileAndLine) {
  const std::string dev = "t\ty\nd\tno\n";
  EXPECT_EQ(Files("tsv", "text\ty\na\tyes\n", dev).Error(),
            "train:1: has no column \"t\"; it has: text, y");
  EXPECT_EQ(Files("tsv", "t\ty\na\tyes\nb\tmaybe\n", dev).Error(),
            "train:3: label \"maybe\" is none of: no, yes");
  EXPECT_EQ(Files("tsv", "t\ty\n \xC2\xA0\tyes\n", dev).Error(),
            "train:2: the text in \"t\" is empty");
  EXPECT_EQ(Files("tsv", "t\ty\nok\tyes\nb\xFF\tno\n", dev).Error(), "train:3: is not valid UTF-8");
  EXPECT_EQ(Files("tsv", "\x1f\x8b rest", dev).Error(), "train:1: is packed by gzip; unpack it");
  EXPECT_EQ(Files("tsv", "t\ty\na\tb\tyes\n", dev).Error(),
            "train:2: has 3 values where the header has 2");
  EXPECT_EQ(Files("csv", "t,y\n\"open,yes\n", "t,y\nd,no\n").Error(),
            "train:2: a quoted value is not closed");
  EXPECT_EQ(Files("jsonl", "{\"t\":\"a\"}\n", "{}").Error(), "train:1: has no field \"y\"");
  EXPECT_EQ(Files("jsonl", "{\"t\":1\n", "{}").Error(), "train:1: is not a JSON object");
  EXPECT_EQ(Files("tsv", "t\ty\na\tyes\n").Error(), "task \"mine\": its dev split has no example");
}

TEST(Reader, NamesAMissingFile) {
  Files files("tsv", "t\ty\na\tyes\n", "t\ty\nd\tno\n");
  files.task.files["train"] = {"/nowhere/rows.tsv"};
  EXPECT_EQ(files.Error(), "/nowhere/rows.tsv: cannot be opened: No such file or directory");
}

TEST(Text, KnowsWellFormedUtf8) {
  for (const char* good : {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"})
    EXPECT_TRUE(IsUtf8(good));
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(Text, TrimsWhatPythonStrips) {
  EXPECT_EQ(Trim(" \t\n\xC2\xA0 a b \xE3\x80\x80\r\n"), "a b");
  EXPECT_EQ(Trim("\xC3\xA9"), "\xC3\xA9");
  EXPECT_EQ(Trim(" \xE2\x80\x8A"), "");
}

}  // namespace
}  // namespace sparsweep
