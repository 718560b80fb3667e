// The data folder: resolving names, refusing what is not a BERT, fingerprints and their cache.
#include "core/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/model_config.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kConfig[] = R"j({"model_type": "bert", "num_hidden_layers": 2,
  "num_attention_heads": 2, "hidden_size": 128, "vocab_size": 30522,
  "max_position_embeddings": 512, "hidden_act": "gelu"})j";
constexpr char kTask[] = R"j({"files": {"train": "s.tsv", "test": ["t.tsv"]}, "format": "tsv",
  "columns": {"text": "text", "label": "label"}, "labels": ["0", "1"],
  "split": {"by": "hash", "dev": 0.2}})j";

class CatalogTest : public testing::Test {
 protected:
  CatalogTest()
      : data_(fs::temp_directory_path() / ("sparsweep-catalog-" + std::to_string(getpid()))),
        catalog_(data_) {
    Write("models/bert-tiny/config.json", kConfig);
    Write("models/bert-tiny/model.safetensors", "weights");
    Write("models/bert-tiny/tokenizer.json", "{}");
    Write("tasks/toy.json", kTask);
    Write("tasks/s.tsv", "text\tlabel\n");
    Write("tasks/t.tsv", "text\tlabel\nx\t1\n");
  }
  ~CatalogTest() override { fs::remove_all(data_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((data_ / path).parent_path());
    std::ofstream(data_ / path, std::ios::binary) << text;
  }
  std::string ModelError(const std::string& name) {
    const Result<ResolvedModel> model = catalog_.Model(name);
    return model.ok() ? "was accepted" : model.status().message();
  }
  std::string ConfigError(const std::string& config) {
    Write("models/bert-tiny/config.json", config);
    return ModelError("bert-tiny");
  }
  std::string TaskError(const std::string& name) {
    const Result<ResolvedTask> task = catalog_.Task(name);
    return task.ok() ? "was accepted" : task.status().message();
  }

  fs::path data_;
  Catalog catalog_;
};

TEST_F(CatalogTest, ResolvesARegisteredModel) {
  const Result<ResolvedModel> model = catalog_.Model("bert-tiny");
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->name, "bert-tiny");
  EXPECT_EQ(model->folder, data_ / "models/bert-tiny");
  EXPECT_EQ(model->layers, 2);
  EXPECT_EQ(model->heads, 2);
  EXPECT_EQ(model->hidden, 128);
  EXPECT_EQ(model->vocab, 30522);
  EXPECT_EQ(model->max_positions, 512);
  EXPECT_EQ(model->fingerprint,
            Sha256Hex("config.json " + Sha256Hex(kConfig) + "\nmodel.safetensors " +
                      Sha256Hex("weights") + "\ntokenizer.json " + Sha256Hex("{}") + "\n"));
}

TEST_F(CatalogTest, ResolvesAModelByItsFolderWithTheSameFingerprint) {
  const std::string folder = data_ / "models/bert-tiny";
  EXPECT_EQ(catalog_.Model(folder)->fingerprint, catalog_.Model("bert-tiny")->fingerprint);
  EXPECT_THAT(ModelError("./bert-tiny"), HasSubstr("relative path; write it absolute"));
  EXPECT_THAT(ModelError("/nowhere"), HasSubstr("is not a folder"));
}

TEST_F(CatalogTest, NamesWhereAModelBelongsAndTheNearestOne) {
  const Status status = catalog_.Model("bert-tny").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.fields()[0].field, "model");
  EXPECT_EQ(status.message(),
            "model \"bert-tny\" is not in " + (data_ / "models").string() +
                "; run scripts/bootstrap or put config.json, model.safetensors and tokenizer.json "
                "there; did you mean \"bert-tiny\"?");
  for (const char* name : {"", ".", ".."}) EXPECT_THAT(ModelError(name), HasSubstr("is not in"));
}

TEST_F(CatalogTest, NamesTheFileThatAModelLacks) {
  for (const char* file : {"model.safetensors", "tokenizer.json", "config.json"}) {
    fs::rename(data_ / "models/bert-tiny" / file, data_ / "aside");
    EXPECT_THAT(ModelError("bert-tiny"), HasSubstr(std::string(file) + " is missing in"));
    fs::rename(data_ / "aside", data_ / "models/bert-tiny" / file);
  }
}

TEST_F(CatalogTest, RefusesArchitecturesThatItDoesNotKnowByName) {
  EXPECT_THAT(ConfigError(R"j({"model_type": "gpt2"})j"),
              HasSubstr("architecture \"gpt2\" of config.json is unknown; known: bert, roberta"));
  EXPECT_THAT(ConfigError(R"j({"architectures": ["GPT2Model"]})j"), HasSubstr("GPT2Model"));
}

TEST_F(CatalogTest, CountsOnlyThePositionsThatATextOfRobertaHas) {
  const auto positions = [](const std::string& more) {
    ResolvedModel model;
    const Status status = ReadModelConfig(
        R"j({"model_type": "roberta", "hidden_size": 128, "num_hidden_layers": 2,
             "num_attention_heads": 2, "vocab_size": 300, "max_position_embeddings": 514)j" +
            more + "}",
        &model);
    return status.ok() ? std::to_string(model.max_positions) : status.message();
  };
  EXPECT_EQ(positions(""), "512");
  EXPECT_EQ(positions(R"j(, "pad_token_id": 3)j"), "510");
  EXPECT_THAT(positions(R"j(, "pad_token_id": 300)j"), HasSubstr("pad_token_id"));
}

TEST_F(CatalogTest, RefusesAConfigThatCannotBe) {
  EXPECT_THAT(ConfigError("{\"model_type\": \"bert\", "), HasSubstr("config.json: line 1, column"));
  EXPECT_THAT(ConfigError("[]"), HasSubstr("holds no object"));
  EXPECT_THAT(ConfigError(R"j({"model_type": "bert"})j"),
              HasSubstr("num_hidden_layers is missing"));
  std::string config = kConfig;
  config.replace(config.find("\"hidden_size\": 128"), 18, "\"hidden_size\": 129");
  EXPECT_THAT(ConfigError(config), HasSubstr("129 of config.json is not a multiple of"));
  config.replace(config.find("\"hidden_size\": 129"), 18, "\"hidden_size\": \"x\"");
  EXPECT_THAT(ConfigError(config),
              HasSubstr("hidden_size: \"x\" (a string) must be a whole number"));
}

TEST_F(CatalogTest, ResolvesTasksByNameByFileAndInline) {
  const Result<ResolvedTask> by_name = catalog_.Task("toy");
  ASSERT_TRUE(by_name.ok()) << by_name.status().message();
  EXPECT_EQ(by_name->task.name, "toy");
  EXPECT_EQ(by_name->task.base_dir, "");  // each machine has its own data folder
  EXPECT_EQ(TaskFile(data_, by_name->task, "s.tsv"), data_ / "tasks/s.tsv");

  const Result<ResolvedTask> by_file = catalog_.Task((data_ / "tasks/toy.json").string());
  ASSERT_TRUE(by_file.ok()) << by_file.status().message();
  EXPECT_EQ(by_file->task.base_dir, data_ / "tasks");
  EXPECT_EQ(by_file->fingerprint, by_name->fingerprint);

  TaskSpec spec = *ParseTaskSpec(kTask);
  spec.base_dir = data_ / "tasks";
  EXPECT_EQ(catalog_.Task(spec)->fingerprint, by_name->fingerprint);
  EXPECT_EQ(TaskFile(data_, spec, "/a/b"), "/a/b");
}

TEST_F(CatalogTest, NamesWhatATaskLacks) {
  EXPECT_THAT(TaskError("toi"), HasSubstr("task \"toi\" is not in " + (data_ / "tasks").string() +
                                          "; run scripts/bootstrap or put toi.json there; did you "
                                          "mean \"toy\"?"));
  EXPECT_THAT(TaskError("./toy.json"), HasSubstr("write it absolute"));
  EXPECT_THAT(TaskError("/nowhere.json"), HasSubstr("is not a file"));
  fs::remove(data_ / "tasks/t.tsv");
  EXPECT_THAT(TaskError("toy"),
              HasSubstr("the test file " + (data_ / "tasks/t.tsv").string() + " is not there"));
  Write("tasks/bad.json", R"j({"files": )j");
  EXPECT_THAT(TaskError("bad"), HasSubstr("task \"bad\": task: line 1, column"));
}

TEST_F(CatalogTest, TheDataFingerprintCoversFilesColumnsLabelsAndSplit) {
  const std::string whole = catalog_.Task("toy")->fingerprint;
  TaskSpec spec = *ParseTaskSpec(kTask);
  const auto fingerprint = [&](auto change) {
    TaskSpec changed = spec;
    change(changed);
    return catalog_.Task(changed)->fingerprint;
  };
  EXPECT_EQ(fingerprint([](TaskSpec& t) { t.name = "renamed"; }), whole);
  EXPECT_NE(fingerprint([](TaskSpec& t) { t.columns["text"] = "label"; }), whole);
  EXPECT_NE(fingerprint([](TaskSpec& t) { t.labels = {"1", "0"}; }), whole);
  EXPECT_NE(fingerprint([](TaskSpec& t) { t.split_dev = 0.3; }), whole);
  EXPECT_NE(fingerprint([](TaskSpec& t) { t.format = "csv"; }), whole);
  EXPECT_NE(fingerprint([](TaskSpec& t) { std::swap(t.files["train"], t.files["test"]); }), whole);
  Write("tasks/s.tsv", "text\tlabel\nanother\t1\n");
  EXPECT_NE(catalog_.Task("toy")->fingerprint, whole);
}

TEST_F(CatalogTest, TheDataFingerprintCoversTreebanksAndWordVectors) {
  TaskSpec spec = *ParseTaskSpec(kTask);
  const std::string plain = catalog_.Task(spec)->fingerprint;
  spec.parses = "link-grammar-9.9-en-9.9";
  const std::string other_parser = catalog_.Task(spec)->fingerprint;
  EXPECT_NE(other_parser, plain);
  spec.parses = "conllu";
  EXPECT_THAT(catalog_.Task(spec).status().message(), HasSubstr(".conllu, are not there"));
  for (const char* file : {"s.tsv", "t.tsv"}) {
    Write(std::string("tasks/") + file + ".conllu", "1\ta\t_\t_\t_\t_\t0\t_\t_\t_\n");
  }
  const std::string treebank = catalog_.Task(spec)->fingerprint;
  EXPECT_NE(treebank, plain);
  Write("tasks/s.tsv.conllu", "1\tb\t_\t_\t_\t_\t0\t_\t_\t_\n");
  EXPECT_NE(catalog_.Task(spec)->fingerprint, treebank);

  spec.parses.clear();
  spec.glove = "small";
  EXPECT_THAT(catalog_.Task(spec).status().message(),
              HasSubstr("the GloVe file " + (data_ / "glove/small.txt").string()));
  Write("glove/small.txt", "a 1\n");
  const std::string vectors = catalog_.Task(spec)->fingerprint;
  EXPECT_NE(vectors, plain);
  Write("tasks/copy.txt", "a 1\n");
  spec.glove = "./copy.txt";
  EXPECT_EQ(catalog_.Task(spec)->fingerprint, vectors) << "by content, not by name";
  Write("tasks/copy.txt", "a 2\n");
  EXPECT_NE(catalog_.Task(spec)->fingerprint, vectors);
}

TEST_F(CatalogTest, TheDefaultParserIsNotWritten) {
  const auto with = [](const std::string& parses) {
    std::string text = kTask;
    return ParseTaskSpec(text.insert(text.find('{') + 1, "\"parses\": \"" + parses + "\", "));
  };
  EXPECT_EQ(with("link-grammar")->parses, "");
  EXPECT_EQ(with(kDefaultParser)->parses, "");
  EXPECT_EQ(with("link-grammar-1-en-2")->parses, "link-grammar-1-en-2");
  EXPECT_EQ(ParseTaskSpec(TaskSpecToJson(*with("conllu")))->parses, "conllu");
  EXPECT_THAT(with("spacy").status().message(), HasSubstr("\"spacy\" is none of: conllu"));
}

TEST(CheckTextInputs, ByGloveNeedsWordVectors) {
  TaskSpec task;
  EXPECT_TRUE(CheckTextInputs("lexical(2)", task).ok());
  EXPECT_THAT(CheckTextInputs("layers 1: lexical(2, by=glove)", task).message(),
              HasSubstr("by=glove needs word vectors"));
  task.glove = "small";
  EXPECT_TRUE(CheckTextInputs("lexical(2, by=glove)", task).ok());
}

TEST_F(CatalogTest, ReadsAFileAgainOnlyWhereItChanged) {
  HashCache cache;
  const fs::path file = data_ / "tasks/s.tsv";
  const std::string before = *cache.FileSha256(file);
  EXPECT_EQ(*cache.FileSha256(file), before);
  EXPECT_EQ(cache.reads(), 1);
  Write("tasks/s.tsv", "longer than it was before");
  EXPECT_EQ(*cache.FileSha256(file), Sha256Hex("longer than it was before"));
  EXPECT_EQ(cache.reads(), 2);
  EXPECT_FALSE(cache.FileSha256(data_ / "tasks").ok());
  EXPECT_FALSE(cache.FileSha256(data_ / "absent").ok());
}

TEST_F(CatalogTest, ListsWhatIsRegistered) {
  EXPECT_THAT(catalog_.Models(), ElementsAre("bert-tiny"));
  EXPECT_THAT(catalog_.Tasks(), ElementsAre("toy"));
  EXPECT_TRUE(Catalog("/nowhere").Models().empty());
}

}  // namespace
}  // namespace sparsweep
