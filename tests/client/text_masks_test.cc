// Asking the trainer program for the masks of a text.
#include "client/text_masks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/catalog.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

TEST(TextMasker, RefusesAModelThatIsNotTheTrials) {
  const fs::path data = fs::path(testing::TempDir()) / "text-masker";
  const fs::path folder = data / "models" / "m";
  fs::create_directories(folder);
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json"}) {
    std::ofstream(folder / file) << file;
  }
  HashCache hashes;
  TextMaskQuestion question;
  question.model = "m";
  question.model_fingerprint = ModelFingerprint(folder, hashes).value();
  const TextMasker masker = MakeTextMasker("no-trainer", data.string());
  EXPECT_EQ(masker(question, {}).status().message(),
            "no-trainer is not there; run scripts/build, or name it with --trainer");
  std::ofstream(folder / "tokenizer.json") << "other";
  EXPECT_EQ(masker(question, {}).status().message(),
            "model \"m\" has changed on the server's machine since the trial was asked for: its "
            "tokens would not be the trial's");
}

}  // namespace
}  // namespace sparsweep
