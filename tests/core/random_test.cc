// Random draws against vectors made without this project (golden/philox_random.py).
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/mask.h"
#include "core/philox.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "tests/core/golden_lines.h"

namespace sparsweep {
namespace {

struct Case {
  uint64_t seed;
  int layer, head, n, r;
  std::string draw;
};

std::istream& operator>>(std::istream& in, Case& value) {
  return in >> value.seed >> value.layer >> value.head >> value.n >> value.r >> value.draw;
}

Draw DrawNamed(const std::string& name) {
  return name == "head" ? Draw::kHead : name == "layer" ? Draw::kLayer : Draw::kPlan;
}

Mask MaskOf(const Case& c) {
  return BuildMask({Random{c.r, DrawNamed(c.draw)}}, c.n, {c.seed, c.layer, c.head, c.n});
}

constexpr char kGolden[] = "philox_random.txt";

bool Contains(const Mask& big, const Mask& small) {
  for (int i = 0; i < big.length(); ++i) {
    for (int j = 0; j < big.length(); ++j) {
      if (small.at(i, j) && !big.at(i, j)) return false;
    }
  }
  return true;
}

TEST(RandomGolden, IsTheFileThatTheScriptMade) {
  const std::string text = GoldenText(kGolden);
  const std::string label = "# sha256 of the lines below: ";
  const size_t at = text.find(label);
  ASSERT_NE(at, std::string::npos);
  const size_t end = text.find('\n', at);
  EXPECT_EQ(text.substr(at + label.size(), 64), Sha256Hex(text.substr(end + 1)));
}

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  auto lines = GoldenLines(kGolden, "philox");
  ASSERT_EQ(lines.size(), 3u);
  for (auto& line : lines) {
    std::array<uint32_t, 10> words{};
    for (uint32_t& word : words) line >> std::hex >> word;
    EXPECT_EQ(Philox4x32({words[0], words[1], words[2], words[3]}, {words[4], words[5]}),
              (std::array<uint32_t, 4>{words[6], words[7], words[8], words[9]}));
  }
}

TEST(RandomPattern, KeepsTheKeysOfThePublishedVector) {
  auto lines = GoldenLines(kGolden, "row");
  ASSERT_EQ(lines.size(), 68u);
  for (auto& line : lines) {
    Case c;
    int query = 0;
    line >> c >> query;
    std::vector<int> expected, kept;
    for (int key; line >> key;) expected.push_back(key);
    const Mask mask = MaskOf(c);
    for (int key = 0; key < c.n; ++key) {
      if (mask.at(query, key)) kept.push_back(key);
    }
    EXPECT_EQ(kept, expected) << line.str();
  }
}

TEST(RandomPattern, HasTheHashesOfThePublishedVector) {
  auto lines = GoldenLines(kGolden, "mask");
  ASSERT_EQ(lines.size(), 14u);
  for (auto& line : lines) {
    Case c;
    int64_t kept = 0;
    std::string hash;
    line >> c >> kept >> hash;
    const Mask mask = MaskOf(c);
    EXPECT_EQ(mask.kept(), kept) << line.str();
    EXPECT_EQ(Hex(mask.Sha256()), hash) << line.str();
  }
}

// The columns: pattern, mask seed, layer, head, N, example, row, keys.
std::vector<std::vector<std::string>> PublishedRows() {
  std::ifstream file(SPARSWEEP_SOURCE_DIR "/docs/attention-language.md");
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| pattern | mask seed |", 0) == 0) inside = true;
    if (inside && line.rfind("| `", 0) != 0 && !rows.empty()) break;
    if (!inside || line.rfind("| `", 0) != 0) continue;
    std::vector<std::string>& cells = rows.emplace_back();
    std::istringstream text(line.substr(1));
    for (std::string cell; std::getline(text, cell, '|');) {
      const size_t first = cell.find_first_not_of(" `");
      const size_t last = cell.find_last_not_of(" `");
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    }
  }
  return rows;
}

uint64_t KeyNamed(const std::string& example) {
  if (example.empty()) return 0;
  const size_t one = example.find('/'), two = example.rfind('/');
  return ExampleKey(example.substr(0, one), std::stoll(example.substr(one + 1)),
                    std::stoll(example.substr(two + 1)));
}

// tests/core/published_draws_test.py recomputes the same table without this project.
TEST(PublishedDraws, AreThoseOfTheMasks) {
  const auto rows = PublishedRows();
  ASSERT_EQ(rows.size(), 13u);
  for (const auto& cells : rows) {
    ASSERT_EQ(cells.size(), 8u) << cells[0];
    MaskContext context;
    context.mask_seed = std::stoull(cells[1]);
    context.layer = std::stoi(cells[2]);
    context.head = std::stoi(cells[3]);
    context.max_length = 4096;
    context.example_key = KeyNamed(cells[5]);
    const int n = std::stoi(cells[4]), query = std::stoi(cells[6]);
    const Plan plan = Plan::Resolve(cells[0], {12, 12, context.max_length}).value();
    const Mask mask = BuildMask(plan.at(0, 0), n, context);
    std::string kept;
    for (int key = 0; key < n; ++key) {
      if (mask.at(query, key)) kept += (kept.empty() ? "" : " ") + std::to_string(key);
    }
    EXPECT_EQ(kept, cells[7]) << cells[0] << " row " << query;
  }
}

TEST(RandomPattern, OfASmallerDegreeIsContainedInThatOfALarger) {
  for (const int n : {3, 9, 40}) {
    for (int r = 0; r < n + 2; ++r) {
      const Mask small = MaskOf({5, 1, 2, n, r, "head"});
      EXPECT_EQ(small.kept(), n * (1 + std::min(r, n - 1)));
      EXPECT_TRUE(Contains(MaskOf({5, 1, 2, n, r + 1, "head"}), small));
    }
  }
}

TEST(RandomPattern, IsSharedAsItsDrawSays) {
  const auto at = [](const std::string& draw, int layer, int head) {
    return MaskOf({9, layer, head, 30, 4, draw});
  };
  EXPECT_NE(at("head", 0, 0), at("head", 0, 1));
  EXPECT_NE(at("head", 0, 0), at("head", 1, 0));
  EXPECT_EQ(at("layer", 0, 0), at("layer", 0, 1));
  EXPECT_NE(at("layer", 0, 0), at("layer", 1, 0));
  EXPECT_EQ(at("plan", 0, 0), at("plan", 1, 1));
  EXPECT_NE(at("plan", 0, 0), at("layer", 0, 0));
}

TEST(RandomPattern, IsDrawnForEachExampleOnlyIfAsked) {
  const auto of = [](Each each, const char* split, int64_t row, int64_t window) {
    MaskContext context{9, 0, 0, 30};
    context.example_key = ExampleKey(split, row, window);
    return BuildMask({Random{4, Draw::kPlan, each}}, 30, context);
  };
  const Mask first = of(Each::kExample, "train", 0, 0);
  EXPECT_EQ(first, of(Each::kExample, "train", 0, 0));
  EXPECT_NE(first, of(Each::kExample, "train", 1, 0));
  EXPECT_NE(first, of(Each::kExample, "train", 0, 1));
  EXPECT_NE(first, of(Each::kExample, "dev", 0, 0));
  EXPECT_EQ(of(Each::kLength, "train", 0, 0), of(Each::kLength, "dev", 5, 0));
}

// printf 'train/17/0' | sha256sum begins with these bytes, the first of them the lowest.
TEST(ExampleKey, IsTheBeginningOfAHash) {
  EXPECT_EQ(ExampleKey("train", 17, 0), 0xf8d02ab6ef8a6ba4u);
}

TEST(RandomPattern, DependsOnNeitherMaxLengthNorCompany) {
  const Pattern random{Random{3, Draw::kHead}};
  const Mask alone = BuildMask(random, 20, {1, 0, 0, 20});
  EXPECT_EQ(alone, BuildMask(random, 20, {1, 0, 0, 512}));
  EXPECT_NE(alone, BuildMask(random, 20, {2, 0, 0, 20}));
  const Mask with = BuildMask({Union{{random, {Global{1}}}}}, 20, {1, 0, 0, 20});
  EXPECT_TRUE(Contains(with, alone));
  EXPECT_EQ(alone, BuildMask({Intersection{{random, {Dense{}}}}}, 20, {1, 0, 0, 20}));
}

}  // namespace
}  // namespace sparsweep
