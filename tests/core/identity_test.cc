// The identity of a trial: the vector of docs/identity.md, what is in it and what is not.
#include "core/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "core/json.h"

namespace sparsweep {
namespace {

std::string Read(const std::string& path) {
  std::ifstream in(SPARSWEEP_SOURCE_DIR "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The trial of the test vector in docs/identity.md.
TrialSpec Vector() {
  TrialSpec trial;
  trial.model_fingerprint = "8e3a3d4c1d0a4a5a2f0c5f3b6f1f0f3cbb0d3b6f0a9d1c2e3f4a5b6c7d8e9f00";
  trial.data_fingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
  trial.attention = "layers 1: random(2, draw=plan)";
  trial.training.epochs = 2;
  trial.training.max_length = 64;
  trial.training.learning_rate = 1e-3;
  trial.training.pooling = "mean";
  trial.seed = 1;
  trial.mask_seed = 0;
  return trial;
}

TEST(Identity, IsTheTestVectorOfTheDocs) {
  const nlohmann::json golden = nlohmann::json::parse(Read("tests/core/golden/identity.json"));
  EXPECT_EQ(IdentityText(Vector()), golden["canonical"].get<std::string>());
  EXPECT_EQ(TrialIdentity(Vector()), golden["sha256"].get<std::string>());
  const std::string docs = Read("docs/identity.md");
  EXPECT_NE(docs.find(golden["canonical"].get<std::string>()), std::string::npos);
  EXPECT_NE(docs.find(golden["sha256"].get<std::string>()), std::string::npos);
}

TEST(Identity, HashesCanonicalJson) {
  TrialSpec odd = Vector();
  odd.attention = "a \"quoted\" \u20ac text";
  odd.training.learning_rate = 1e-7;
  odd.training.max_steps = 123;
  odd.training.train_examples = 5;
  const std::string text = IdentityText(odd);
  EXPECT_EQ(CanonicalJson(nlohmann::json::parse(text)), text);
}

TEST(Identity, DoesNotDependOnNamesPathsOrDevices) {
  TrialSpec renamed = Vector();
  renamed.identity = "x";
  renamed.model = "other";
  renamed.task.name = "other";
  renamed.task.base_dir = "/elsewhere";
  renamed.device = "cuda";
  renamed.threads = 3;
  renamed.keep = "best";
  EXPECT_EQ(TrialIdentity(renamed), TrialIdentity(Vector()));
}

TEST(Identity, DependsOnEverythingElse) {
  std::set<std::string> identities = {TrialIdentity(Vector())};
  const auto differs = [&](auto change) {
    TrialSpec trial = Vector();
    change(trial);
    return identities.insert(TrialIdentity(trial)).second;
  };
  EXPECT_TRUE(differs([](TrialSpec& t) { t.kind = "infer"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.model_fingerprint[0] = '0'; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.data_fingerprint[0] = '1'; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.attention = "dense"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.seed = 2; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.mask_seed = 1; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.mask_seed.reset(); }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.epochs = 3; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.max_steps = 7; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.batch_size = 16; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.max_length = 65; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.learning_rate = 2e-3; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.warmup = 0; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.schedule = "constant"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.weight_decay = 0; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.clip = 0; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.dropout = 0; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.pooling = "cls"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.precision = "bfloat16"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.train_examples = 10; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.accumulate = 2; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.checkpointing = "on"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.freeze = "embeddings"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.layer_decay = 0.9; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.early_stop = 2; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.report = "best"; }));
  EXPECT_TRUE(differs([](TrialSpec& t) { t.training.init = "random"; }));
}

TEST(Identity, OfAnotherTypeOrKindHoldsWhatThatOneReads) {
  const auto text = [](const char* kind, const char* type, auto change) {
    TrialSpec trial = Vector();
    trial.kind = kind;
    trial.task.type = type;
    change(trial);
    const std::string text = IdentityText(trial);
    EXPECT_EQ(CanonicalJson(nlohmann::json::parse(text)), text);
    return text;
  };
  const auto nothing = [](TrialSpec&) {};
  const auto stride = [](TrialSpec& t) { t.training.doc_stride = 64; };
  EXPECT_EQ(text("finetune", "classification", stride), IdentityText(Vector()));
  EXPECT_NE(text("finetune", "qa", stride), text("finetune", "qa", nothing));
  EXPECT_NE(text("finetune", "qa", nothing).find("\"doc_stride\":128,"), std::string::npos);
  EXPECT_EQ(text("finetune", "qa", nothing).find("pooling"), std::string::npos);

  const auto every = [](TrialSpec& t) { t.training.checkpoint_every = 7; };
  const auto evaluate = [](TrialSpec& t) { t.training.eval_every = 7; };
  EXPECT_EQ(text("pretrain", "mlm", every), text("pretrain", "mlm", nothing));
  EXPECT_NE(text("pretrain", "mlm", evaluate), text("pretrain", "mlm", nothing));
  EXPECT_EQ(text("finetune", "classification", evaluate), IdentityText(Vector()));

  const auto infer = [](TrialSpec& t) { t.infer = InferGrid{{8, 16}}; };
  const std::string measured = text("infer", "classification", infer);
  EXPECT_NE(measured.find("\"infer\":{\"batch_sizes\":[1,8],\"lengths\":[8,16],"),
            std::string::npos);
  EXPECT_NE(measured, text("infer", "classification", [&](TrialSpec& t) {
              infer(t);
              t.threads = 2;
            }));
  EXPECT_NE(measured, text("infer", "classification", [&](TrialSpec& t) {
              infer(t);
              t.device = "cuda";
            }));
  EXPECT_EQ(measured, text("infer", "classification", [&](TrialSpec& t) {
              infer(t);
              t.training.learning_rate = 1;
              t.keep = "best";
            }));
}

TEST(Identity, HasLambdaAndDegreeRateOnlyWithALearnedPattern) {
  for (const char* attention : {"learned_window", "heads 0: learned_window(9, harden=mean)",
                                "layers 0: adaptive_span(ramp=4); layers 1: window(3)"}) {
    std::set<std::string> identities;
    for (const auto& [lambda, rate] : {std::pair(0.0, 0.1), {0.5, 0.1}, {0.0, 0.2}}) {
      TrialSpec trial = Vector();
      trial.attention = attention;
      trial.training.lambda = lambda;
      trial.training.degree_lr = rate;
      identities.insert(TrialIdentity(trial));
    }
    EXPECT_EQ(identities.size(), 3u) << attention;
  }
  TrialSpec priced = Vector();
  priced.training.lambda = 7;
  priced.training.degree_lr = 1;
  EXPECT_EQ(IdentityText(priced), IdentityText(Vector()));
  TrialSpec learned = priced;
  learned.attention = "learned_window";
  const std::string text = IdentityText(learned);
  EXPECT_NE(text.find("\"degree_lr\":1,\"dropout\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"lambda\":7,\"learning_rate\""), std::string::npos) << text;
  EXPECT_EQ(CanonicalJson(nlohmann::json::parse(text)), text);
}

TEST(Identity, LeavesOutWhatHasNoEffect) {
  TrialSpec by_steps = Vector();
  by_steps.training.max_steps = 100;
  TrialSpec other_epochs = by_steps;
  other_epochs.training.epochs = 50;
  EXPECT_EQ(TrialIdentity(by_steps), TrialIdentity(other_epochs));

  TrialSpec bare = Vector();
  bare.training.warmup = 0;
  bare.training.clip = 0;
  bare.mask_seed.reset();
  const std::string text = IdentityText(bare);
  for (const char* absent : {"warmup", "clip", "mask_seed", "max_steps", "train_examples"}) {
    EXPECT_EQ(text.find(absent), std::string::npos) << absent;
  }
}

}  // namespace
}  // namespace sparsweep
