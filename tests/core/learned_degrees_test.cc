// Hardening and expected density against values made without this project
// (golden/learned_degrees.py), and the closed form against brute force over masks.
#include "core/learned_degrees.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/sha256.h"

namespace sparsweep {
namespace {

struct Golden {
  std::map<std::string, std::string> distributions;  // name -> parts ; mean threshold
  std::vector<std::string> densities, samples;
};

const Golden& ReadGolden() {
  static const Golden golden = [] {
    Golden made;
    std::ifstream file(SPARSWEEP_SOURCE_DIR "/tests/core/golden/learned_degrees.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string kind, name;
      words >> kind;
      const std::string rest = line.substr(std::min(line.size(), kind.size() + 1));
      if (kind == "distribution") {
        words >> name;
        made.distributions[name] = rest.substr(name.size() + 1);
      }
      if (kind == "density") made.densities.push_back(rest);
      if (kind == "sample") made.samples.push_back(rest);
    }
    return made;
  }();
  return golden;
}

// The whole numbers up to ";" or the end.
std::vector<uint32_t> Numbers(std::istream& in) {
  std::vector<uint32_t> numbers;
  for (std::string word; in >> word && word != ";";) numbers.push_back(std::stoul(word));
  return numbers;
}

DegreeDistribution Named(const std::string& name) {
  std::istringstream text(ReadGolden().distributions.at(name));
  return DegreeDistribution::FromParts(Numbers(text)).value();
}

// Weighted density of masks, entry by entry.
double BruteForce(const LengthCounts& lengths, const std::function<double(int)>& weight) {
  double kept = 0, all = 0;
  for (const auto& [n, examples] : lengths) {
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        kept += static_cast<double>(examples) * weight(std::abs(i - j));
        all += static_cast<double>(examples);
      }
    }
  }
  return kept / all;
}

TEST(DegreeDistribution, HardensByMeanAndThresholdAsTheGoldensSay) {
  ASSERT_EQ(ReadGolden().distributions.size(), 5u);
  for (const auto& [name, text] : ReadGolden().distributions) {
    std::istringstream in(text);
    const auto distribution = DegreeDistribution::FromParts(Numbers(in)).value();
    int mean = -1, threshold = -1;
    in >> mean >> threshold;
    EXPECT_EQ(distribution.MeanDegree(), mean) << name;
    EXPECT_EQ(distribution.ThresholdDegree(), threshold) << name;
  }
}

TEST(DegreeDistribution, DrawsRowsByThePhiloxRule) {
  ASSERT_EQ(ReadGolden().samples.size(), 8u);
  for (const std::string& line : ReadGolden().samples) {
    std::istringstream in(line);
    std::string name, semicolon, hash;
    MaskContext context;
    int n = 0;
    in >> name >> context.mask_seed >> context.layer >> context.head >> n >> semicolon;
    std::vector<int> expected(n);
    for (int& degree : expected) in >> degree;
    in >> hash;
    const std::vector<int> degrees = Named(name).SampleDegrees(n, context);
    EXPECT_EQ(degrees, expected) << line;
    EXPECT_EQ(Hex(MaskOfDegrees(degrees).Sha256()), hash) << line;
    EXPECT_EQ(MaskOfDegrees(degrees).kept(), KeptByDegrees(degrees)) << line;
  }
}

TEST(DegreeDistribution, ExpectedDensityIsThatOfExactFractions) {
  ASSERT_EQ(ReadGolden().densities.size(), 15u);
  for (const std::string& line : ReadGolden().densities) {
    std::istringstream in(line);
    std::string name;
    in >> name;
    LengthCounts lengths;
    for (std::string word; in >> word && word != ";";) {
      lengths[std::stoi(word)] = std::stoi(word.substr(word.find(':') + 1));
    }
    double expected = -1;
    in >> expected;
    EXPECT_NEAR(Named(name).ExpectedDensity(lengths), expected, 1e-14) << line;
  }
}

TEST(DegreeDistribution, SampledDensityApproachesTheExpectedOne) {
  const DegreeDistribution distribution = Named("long");
  int64_t kept = 0;
  for (int head = 0; head < 200; ++head) {
    kept += MaskOfDegrees(distribution.SampleDegrees(64, {3, 1, head})).kept();
  }
  // The standard error of 200 x 64 draws is 0.004.
  EXPECT_NEAR(static_cast<double>(kept) / (200.0 * 64 * 64),
              distribution.ExpectedDensity({{64, 1}}), 0.012);
}

TEST(DegreeDistribution, RoundsTheSoftWindowToAPart) {
  const auto parts = [](std::vector<double> p) { return DegreeDistribution::Rounded(p).parts(); };
  EXPECT_EQ(parts({1, 1, 1}), (std::vector<uint32_t>{333'333, 333'334, 333'333}));
  EXPECT_EQ(parts({0.1 / 3, 0.1 / 3, 0.1 / 3, 0.9}),
            (std::vector<uint32_t>{33'333, 33'334, 33'333, 900'000}));
  EXPECT_EQ(parts({0, 2.0000001, 0}), (std::vector<uint32_t>{0, 1'000'000, 0}));
  EXPECT_EQ(parts({1e-9, 1 - 1e-9}), (std::vector<uint32_t>{0, 1'000'000}));
  EXPECT_EQ(parts({7}), (std::vector<uint32_t>{1'000'000}));
  // A long tail of less than half a part each is not lost.
  std::vector<double> tail(4001, 2.5e-7);
  tail[0] = 1 - 1e-3;
  const DegreeDistribution rounded = DegreeDistribution::Rounded(tail);
  EXPECT_EQ(rounded.AtLeast()[1], 1000u);
  EXPECT_EQ(rounded.AtLeast()[2001], 500u);
}

TEST(DegreeDistribution, PartsThatAreNotAWholeAreRefused) {
  const auto result = DegreeDistribution::FromParts({500'000, 499'999});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().message(),
            "the parts of a degree distribution sum to 999999, not to 1000000");
  EXPECT_FALSE(DegreeDistribution::FromParts({}).ok());
}

TEST(AdaptiveSpan, RampFallsFromTheSpanOn) {
  EXPECT_EQ(SpanWeight(5, 4, 5), 1);
  EXPECT_EQ(SpanWeight(5, 4, 6), 0.75);
  EXPECT_EQ(SpanWeight(5, 4, 9), 0);
  EXPECT_EQ(SpanWeight(5.5, 1, 6), 0.5);
}

TEST(AdaptiveSpan, HardensToTheDistancesOfWeightOneHalfOrMore) {
  for (const auto& [z, ramp] : {std::pair(5.0, 4), {5.9, 4}, {0.0, 32}, {0.0, 1}, {12.5, 3}}) {
    int last = 0;
    while (SpanWeight(z, ramp, last + 1) >= 0.5) ++last;
    EXPECT_EQ(SpanDegree(z, ramp), last) << z << " " << ramp;
  }
}

TEST(AdaptiveSpan, ExpectedDensityIsTheMeanWeightOfAllEntries) {
  const LengthCounts lengths = {{1, 2}, {9, 3}, {40, 1}};
  EXPECT_NEAR(SpanExpectedDensity(6.3, 5, lengths),
              BruteForce(lengths, [](int x) { return SpanWeight(6.3, 5, x); }), 1e-14);
  EXPECT_EQ(SpanExpectedDensity(100, 32, lengths), 1);
}

TEST(DistanceShares, MakeDensityLinearInTheWindow) {
  const LengthCounts lengths = {{3, 4}, {17, 2}};
  const std::vector<double> shares = DistanceShares(lengths, 20);
  for (int w : {0, 2, 16, 19}) {
    double density = 0;
    for (int x = 0; x <= w; ++x) density += shares[x];
    EXPECT_NEAR(density, BruteForce(lengths, [&](int x) { return x <= w ? 1.0 : 0.0; }), 1e-14);
  }
}

}  // namespace
}  // namespace sparsweep
