// Weights that nobody trained: their moments, their streams, and what they are a function of.
#include "trainer/random_weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/trainer/temp_folder.h"

namespace sparsweep {
namespace {

class RandomWeights : public testing::Test {
 protected:
  void SetUp() override { Config("bert", ""); }
  void Config(const std::string& type, const std::string& more) {
    std::ofstream(folder_.path() / "config.json")
        << R"({"model_type": ")" << type
        << R"(", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
              "intermediate_size": 256, "vocab_size": 1000, "max_position_embeddings": 40,
              "initializer_range": 0.02)"
        << more << "}";
  }
  std::map<std::string, at::Tensor> Tensors(uint64_t seed) {
    return RandomCheckpoint(folder_.path().string(), seed).value()->tensors;
  }
  TempFolder folder_;
};

TEST_F(RandomWeights, AreNormalWithTheConfigsDeviationAndNotTruncated) {
  const at::Tensor word = Tensors(3).at("embeddings.word_embeddings.weight");
  EXPECT_EQ(word.sizes(), at::IntArrayRef({1000, 64}));
  const at::Tensor values = word.narrow(0, 1, 999).to(at::kDouble) / 0.02;
  EXPECT_NEAR(values.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(values.std().item<double>(), 1, 0.01);
  EXPECT_NEAR(values.pow(4).mean().item<double>(), 3, 0.1);
  EXPECT_GT(values.abs().max().item<double>(), 3.5) << "of 64,000 draws";
  EXPECT_EQ(word[0].abs().max().item<double>(), 0) << "the row of padding";
}

TEST_F(RandomWeights, LeaveBiasesZeroAndNormsOne) {
  for (const auto& [name, value] : Tensors(3)) {
    const bool norm = name.ends_with("LayerNorm.weight");
    if (!norm && !name.ends_with("bias")) continue;
    EXPECT_TRUE(value.eq(norm ? 1 : 0).all().item<bool>()) << name;
  }
}

TEST_F(RandomWeights, AreAFunctionOfTheSeedAndDifferFromTensorToTensor) {
  const auto first = Tensors(3), again = Tensors(3), other = Tensors(4);
  const std::string qkv = "encoder.layer.0.attention.self.qkv.weight";
  for (const auto& [name, value] : first) EXPECT_TRUE(at::equal(value, again.at(name))) << name;
  EXPECT_FALSE(at::equal(first.at(qkv), other.at(qkv)));
  EXPECT_FALSE(at::equal(first.at(qkv), first.at("encoder.layer.1.attention.self.qkv.weight")));
  const at::Tensor parts = first.at(qkv).view({3, 64, 64});
  EXPECT_FALSE(at::equal(parts[0], parts[1]));
}

// Heads keep their streams, so that a trial's head is that of the pre-trained model's trial.
TEST_F(RandomWeights, DoNotUseTheStreamsOfHeads) {
  const at::Tensor head = NormalWeights({64, 64}, 0.02, 3, 1);
  for (const auto& [name, value] : Tensors(3)) {
    if (value.dim() == 2 && value.size(0) >= 64) {
      EXPECT_FALSE(at::equal(value.narrow(0, 0, 64), head)) << name;
    }
  }
}

TEST_F(RandomWeights, OfARobertaHaveNoPositionForPadding) {
  Config("roberta", R"(, "type_vocab_size": 1)");
  const auto tensors = Tensors(3);
  const at::Tensor position = tensors.at("embeddings.position_embeddings.weight");
  EXPECT_EQ(position.size(0), 40);
  EXPECT_EQ(position[1].abs().max().item<double>(), 0);
  EXPECT_GT(position[0].abs().max().item<double>(), 0);
  EXPECT_EQ(tensors.at("embeddings.word_embeddings.weight")[1].abs().max().item<double>(), 0);
}

TEST_F(RandomWeights, NeedAConfigThatTheTrainerHas) {
  Config("gpt2", "");
  const Status status = RandomCheckpoint(folder_.path().string(), 1).status();
  EXPECT_NE(status.message().find("model_type is \"gpt2\""), std::string::npos) << status.message();
}

}  // namespace
}  // namespace sparsweep
