// What a trial of each kind keeps is loaded whole by transformers, to the same logits
// (tests/trainer/hf_roundtrip.py, where it is installed).
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/trainer/architectures.h"
#include "tests/trainer/tiny.h"
#include "trainer/export.h"

namespace sparsweep {
namespace {

using nlohmann::json;

struct Kept {
  const char* name;
  const char* architecture;  // without Bert or Roberta
  HeadKind kind;
  int outputs;
  const char* task;
  bool pairs;
};

constexpr Kept kKept[] = {
    {"Classes", "ForSequenceClassification", HeadKind::kSequence, 3, "classification", false},
    {"Pairs", "ForSequenceClassification", HeadKind::kSequence, 2, "classification", true},
    {"Scores", "ForSequenceClassification", HeadKind::kSequence, 1, "regression", true},
    {"Spans", "ForQuestionAnswering", HeadKind::kSpan, 2, "qa", true},
    {"MaskedLm", "ForMaskedLM", HeadKind::kMaskedLm, 2, "mlm", false},
};

using Param = std::tuple<Kept, bool>;

class Transformers : public testing::TestWithParam<Param> {
 protected:
  const Kept& kept() const { return std::get<0>(GetParam()); }
  bool roberta() const { return std::get<1>(GetParam()); }

  // Six texts; of pairs the second half has type 1, where the architecture knows types.
  TokenizedSplit Texts() const {
    TokenizedSplit split = TinyTexts(6, 2);
    for (int32_t& id : split.ids) id += 5;  // no special ones: padding has no position
    if (!kept().pairs || roberta()) return split;
    for (size_t i = 0; i + 1 < split.begin.size(); ++i) {
      const int64_t begin = split.begin[i], end = split.begin[i + 1];
      for (int64_t t = (begin + end) / 2; t < end; ++t) split.types[t] = 1;
    }
    return split;
  }

  // Of one text, in the order in which the script writes them.
  static at::Tensor Logits(const Bert& model, const TokenizedSplit& split, int64_t example) {
    const Batch batch = MakeBatch(split, {example}, at::kCPU);
    AttentionBatch attention(batch.lengths, batch.examples, batch.padded);
    const at::Tensor logits = model.Logits(batch, attention, Pass{});
    const bool spans = model.options().head.kind == HeadKind::kSpan;
    return (spans ? logits.permute({2, 0, 1}) : logits).flatten();
  }

  TempFolder folder_;
};

TEST_P(Transformers, LoadWhatWasKeptToTheSameLogits) {
  const char* python = std::getenv("SPARSWEEP_HF_PYTHON");
  if (python == nullptr) {
    GTEST_SKIP() << "NOT RUN: set SPARSWEEP_HF_PYTHON to a Python that has torch and transformers "
                    "(pip install torch==2.11.0 transformers==4.57.1)";
  }
  const auto checkpoint = SmallModel(roberta(), folder_);
  const TokenizedSplit texts = Texts();
  BertOptions options;
  for (int id = 0; id < checkpoint->config.vocab; ++id) options.vocabulary.push_back(id);
  options.max_length = kTinyLength;
  options.head.kind = kept().kind;
  options.head.outputs = kept().outputs;
  const Plan plan = Plan::Resolve("dense", {2, 2, kTinyLength}).value();
  const std::vector<int> lengths = texts.lengths();
  MaskCache cache;
  const auto masks = MaskPlan::Make(plan, {}, {lengths.begin(), lengths.end()}, cache).value();
  Bert model(*checkpoint, options, *masks);

  // A little training, so that nothing is as it was drawn.
  AdamW optimizer(model.parameters(), 0.1);
  for (int step = 0; step < 3; ++step) {
    Logits(model, texts, step).square().mean().backward();
    optimizer.Step(1e-2, 1);
  }
  TrialSpec spec;
  spec.task.type = kept().task;
  if (spec.task.type == "classification") {
    for (int i = 0; i < kept().outputs; ++i) spec.task.labels.push_back("of " + std::to_string(i));
  }
  const auto out = folder_.path() / "kept";
  ASSERT_TRUE(WriteModel(model, *checkpoint, optimizer, spec, out).ok());

  json asked = json::array();
  std::vector<at::Tensor> wanted;
  for (int64_t i = 0; i < texts.size(); ++i) {
    const auto part = [&](const std::vector<int32_t>& of) {
      return std::vector<int32_t>(of.begin() + texts.begin[i], of.begin() + texts.begin[i + 1]);
    };
    asked.push_back({{"ids", part(texts.ids)}, {"types", part(texts.types)}});
    wanted.push_back(Logits(model, texts, i).detach());
  }
  const std::string texts_file = folder_.Write("texts.json", asked.dump());
  const std::string answer = (folder_.path() / "logits.json").string();
  const std::string command = std::string(python) +
                              " " SPARSWEEP_SOURCE_DIR "/tests/trainer/hf_roundtrip.py " +
                              out.string() + " " + texts_file + " " + answer;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const json loaded = json::parse(std::ifstream(answer));
  EXPECT_EQ(loaded["missing"], json::array());
  EXPECT_EQ(loaded["unexpected"], json::array());
  const auto values = loaded["logits"].get<std::vector<float>>();
  const at::Tensor all = at::cat(wanted);
  ASSERT_EQ(static_cast<int64_t>(values.size()), all.numel());
  EXPECT_LT((at::tensor(values) - all).abs().max().item<double>(), 1e-5);
  const json config = json::parse(std::ifstream(out / "config.json"));
  EXPECT_EQ(config["architectures"][0],
            (roberta() ? "Roberta" : "Bert") + std::string(kept().architecture));
}

INSTANTIATE_TEST_SUITE_P(Kinds, Transformers,
                         testing::Combine(testing::ValuesIn(kKept), testing::Bool()),
                         [](const testing::TestParamInfo<Param>& info) {
                           return std::get<0>(info.param).name +
                                  std::string(std::get<1>(info.param) ? "Roberta" : "Bert");
                         });

}  // namespace
}  // namespace sparsweep
