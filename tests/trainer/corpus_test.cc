// What masked language modelling trains on: the corpus, packed into sequences, and the masking.
#include "trainer/corpus.h"

#include <gtest/gtest.h>

#include "tests/trainer/models.h"
#include "tests/trainer/temp_folder.h"
#include "tests/trainer/text_task.h"
#include "trainer/masking.h"

namespace sparsweep {
namespace {

TEST(Corpus, BlankLinesEndDocumentsAndSoDoesAFile) {
  TempFolder folder;
  const std::string train = folder.Write("a.txt", "one\n two \n\n \n\nthree\nfour");
  const std::string dev = folder.Write("b.txt", "\nfive\n");
  const Corpus corpus = ReadCorpus(TextTask(train, dev), folder.path()).value();
  EXPECT_EQ(corpus.train, (Documents{{"one", "two"}, {"three", "four"}}));
  EXPECT_EQ(corpus.dev, (Documents{{"five"}}));
}

TEST(Corpus, RowsOfAColumnAreDocumentsAndASplitHoldsSomeOut) {
  TempFolder folder;
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += "{\"body\": \"text " + std::to_string(i % 20) + "\"}\n";
  TaskSpec task = TextTask(folder.Write("rows.jsonl", rows), "");
  task.format = "jsonl";
  task.columns["text"] = "body";
  task.split_dev = 0.3;
  const Corpus corpus = ReadCorpus(task, folder.path()).value();
  EXPECT_EQ(corpus.train.size() + corpus.dev.size(), 20u) << "each once";
  EXPECT_GT(corpus.dev.size(), 1u);
  EXPECT_GT(corpus.train.size(), corpus.dev.size());
}

TEST(Corpus, SaysWhereAByteIsWrong) {
  TempFolder folder;
  const std::string path = folder.Write("a.txt", "good\nb\xFF\x64\n");
  EXPECT_EQ(ReadCorpus(TextTask(path, ""), folder.path()).status().message(),
            path + ":2: is not valid UTF-8");
}

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i ? " " : "") + std::string("house");
  return text;
}

TEST(Corpus, SequencesAreFullUpToADocumentsEnd) {
  SPARSWEEP_NEEDS(TestModel("bert-tiny"));
  auto tokenizer = Tokenizer::Load(TestModel("bert-tiny").string()).value();
  ASSERT_TRUE(tokenizer.Truncate(1 << 20).ok());
  const Corpus corpus{{{Words(7), Words(8)}, {Words(3)}}, {{Words(2)}}};
  const auto data = PackCorpus(tokenizer, 30522, corpus, 8).value();
  std::vector<int> lengths = data->train.lengths();
  EXPECT_EQ(lengths, (std::vector<int>{8, 8, 5, 5})) << "15 words are 6, 6 and 3";
  EXPECT_EQ(data->dev.lengths(), (std::vector<int>{4}));
  for (int64_t i = 0; i < data->train.size(); ++i) {
    EXPECT_EQ(data->train.ids[data->train.begin[i]], 101) << "[CLS]";
    EXPECT_EQ(data->train.ids[data->train.begin[i + 1] - 1], 102) << "[SEP]";
  }
  EXPECT_EQ(data->vocabulary.size(), 30522u);
  EXPECT_EQ(data->vocabulary[101], 101);
  EXPECT_EQ(
      PackCorpus(tokenizer, 30522, corpus, 64).status().message(),
      "the training corpus has 18 tokens, fewer than one sequence of 64; give it more text or "
      "lower max_length");
  EXPECT_TRUE(PackCorpus(tokenizer, 30522, {corpus.train, {}}, 8)
                  .status()
                  .message()
                  .starts_with("the dev corpus has no text, so there is no validation perplexity"));
}

TEST(Masking, ChoosesAFifteenthOfWhichMostAreMasked) {
  const Masking masking{.seed = 7, .mask_token = 103, .vocab = 30522, .special = {101, 102}};
  int64_t chosen = 0, masked = 0, kept = 0, all = 0;
  for (int sequence = 0; sequence < 200; ++sequence) {
    std::vector<int64_t> ids(128, 2000);
    ids.front() = 101;
    ids.back() = 102;
    for (const auto& c : masking.Hide(3, sequence, ids.data(), 128)) {
      EXPECT_GT(c.position, 0);
      EXPECT_LT(c.position, 127);
      EXPECT_EQ(c.truth, 2000);
      ++chosen;
      masked += ids[c.position] == 103;
      kept += ids[c.position] == 2000;
    }
    all += 126;
    for (int64_t id : ids) EXPECT_LT(id, 30522);
  }
  const double n = static_cast<double>(chosen);
  EXPECT_NEAR(n / static_cast<double>(all), 0.15, 0.01);
  EXPECT_NEAR(static_cast<double>(masked) / n, 0.8, 0.03);
  EXPECT_NEAR(static_cast<double>(kept) / n, 0.1, 0.03);
}

TEST(Masking, IsAFunctionOfSeedEpochAndPlace) {
  const auto hidden = [](uint64_t seed, uint32_t epoch, int64_t sequence) {
    std::vector<int64_t> ids(64, 2000);
    Masking{.seed = seed, .mask_token = 103, .vocab = 30522, .special = {}}.Hide(epoch, sequence,
                                                                                 ids.data(), 64);
    return ids;
  };
  EXPECT_EQ(hidden(1, 0, 5), hidden(1, 0, 5));
  EXPECT_NE(hidden(1, 0, 5), hidden(2, 0, 5));
  EXPECT_NE(hidden(1, 0, 5), hidden(1, 1, 5));
  EXPECT_NE(hidden(1, 0, 5), hidden(1, 0, 6));
  EXPECT_EQ(hidden(1, Masking::kValidation, 5), hidden(2, Masking::kValidation, 5));
}

TEST(Masking, HidesAtLeastOneTokenAndNeverASpecialOne) {
  const Masking masking{.seed = 1, .mask_token = 103, .vocab = 30522, .special = {101, 102}};
  for (int sequence = 0; sequence < 50; ++sequence) {
    std::vector<int64_t> ids = {101, 2000, 102};
    const auto chosen = masking.Hide(0, sequence, ids.data(), 3);
    ASSERT_EQ(chosen.size(), 1u);
    EXPECT_EQ(chosen[0].position, 1);
  }
  std::vector<int64_t> ids = {101, 102};
  EXPECT_TRUE(masking.Hide(0, 0, ids.data(), 2).empty());
}

}  // namespace
}  // namespace sparsweep
