// The dashboard's files.
#include "server/http/static_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

class StaticFilesTest : public testing::Test {
 protected:
  StaticFilesTest() : folder_(fs::path(testing::TempDir()) / "static_files_test") {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "assets");
  }
  ~StaticFilesTest() override { fs::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  const fs::path folder_;
};

TEST_F(StaticFilesTest, FindsFilesAndGivesPagesTheIndex) {
  Write("index.html", "<p>");
  Write("assets/app-123.js", "let x");
  Write("assets/app-123.js.gz", "packed");
  const auto files = StaticFiles::Load(folder_);
  ASSERT_TRUE(files.ok());
  const StaticFile* script = files->Find("/assets/app-123.js");
  ASSERT_NE(script, nullptr);
  EXPECT_EQ(script->body, "let x");
  EXPECT_EQ(script->gzipped, "packed");
  EXPECT_EQ(script->type, "text/javascript; charset=utf-8");
  EXPECT_TRUE(script->hashed);
  for (const char* page : {"/", "/sweeps/7", "/workers"}) {
    ASSERT_NE(files->Find(page), nullptr) << page;
    EXPECT_EQ(files->Find(page)->body, "<p>") << page;
    EXPECT_FALSE(files->Find(page)->hashed);
  }
  EXPECT_EQ(files->Find("/assets/app-124.js"), nullptr);
  EXPECT_EQ(files->Find("/../static_files_test/index.html.gz"), nullptr);
}

TEST_F(StaticFilesTest, RefusesAFolderWithoutDashboard) {
  const auto files = StaticFiles::Load(folder_ / "missing");
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().message(),
            "no dashboard in \"" + (folder_ / "missing").string() +
                "\": build it with scripts/build, or start without a web folder");
}

}  // namespace
}  // namespace sparsweep
