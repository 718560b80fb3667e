#include "client/mask_formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <sstream>

#include "core/mask_request.h"
#include "core/plan.h"

namespace sparsweep {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

MaskSheet Sheet(const std::string& attention, int length, int layers = 2, int heads = 2) {
  MaskRequest request;
  request.attention = attention;
  request.layers = layers;
  request.heads = heads;
  request.length = length;
  request.rows = true;
  const Result<std::string> answer = TryMaskRequest(request);
  EXPECT_TRUE(answer.ok()) << answer.status().message();
  const Result<MaskSheet> sheet = ParseMaskSheet(*answer);
  EXPECT_TRUE(sheet.ok()) << sheet.status().message();
  return *sheet;
}

TEST(MaskSheet, HoldsTheMasksOfTheAnswerAndEqualOnesOnce) {
  const MaskSheet sheet = Sheet("layer 1: window(1); layer 1 head 1: random(2)", 9);
  EXPECT_EQ(sheet.index, (std::vector<int>{0, 0, 1, 2}));
  const Plan plan = *Plan::Resolve(sheet.canonical, {2, 2, 9});
  EXPECT_EQ(sheet.at(1, 0), BuildMask(plan.at(1, 0), 9, {0, 1, 0, 9}));
  EXPECT_EQ(sheet.at(1, 1), BuildMask(plan.at(1, 1), 9, {0, 1, 1, 9}));
}

TEST(MaskSheet, SelectsALayerAHeadOrBoth) {
  const MaskSheet sheet = Sheet("layer 1: window(1); layer 1 head 1: self", 4);
  const MaskSheet layer = *SelectMasks(sheet, 1, -1);
  EXPECT_EQ(layer.layers, std::vector<int>{1});
  EXPECT_EQ(layer.heads, (std::vector<int>{0, 1}));
  EXPECT_EQ(layer.at(0, 1).kept(), 4);
  EXPECT_EQ(SelectMasks(sheet, 1, 0)->at(0, 0).kept(), 10);
  EXPECT_EQ(SelectMasks(sheet, -1, 2).status().message(),
            "--head 2 is beyond the model: they are numbered 0 to 1");
}

TEST(MaskSheet, ReadsTokensWordsAndEachEdgeOnce) {
  const auto sheet = ParseMaskSheet(
      R"({"canonical":"syntax","layers":1,"heads":1,"length":3,"sha256":[["a"]],
          "rows":[[["07","03","05"]]],"tokens":["[CLS]","cats","sat"],"words":["cats","sat"],
          "heads_of_words":[[1],[-1,0]]})");
  ASSERT_TRUE(sheet.ok()) << sheet.status().message();
  EXPECT_EQ(sheet->tokens[1], "cats");
  EXPECT_EQ(sheet->edges, (std::vector<std::pair<int, int>>{{-1, 1}, {0, 1}}));
  EXPECT_EQ(sheet->at(0, 0).kept(), 7);
}

TEST(MaskSheet, RefusesAnAnswerThatIsCutOrOfAnotherForm) {
  for (const char* answer :
       {R"({"canonical":"self","layers":1,"heads":1,"length":2,"sha256":[["a"]]})",
        R"({"canonical":"self","layers":1,"heads":1,"length":2,"sha256":[["a"]],"rows":[[["01"]]]})",
        R"({"canonical":"self","layers":1,"heads":1,"length":2,"sha256":[["a"]],"rows":[[["0g","02"]]]})",
        R"({"canonical":"self","layers":1,"heads":1,"length":2,"sha256":[["a"]],"rows":[[["04","02"]]]})",
        R"({"canonical":"self","layers":1,"heads":2,"length":2,"sha256":[["a"]],"rows":[[["01","02"]]]})",
        R"({"canonical":"self","layers":1,"heads":1,"length":2,"tokens":["a"],"sha256":[["a"]],
            "rows":[[["01","02"]]]})"}) {
    EXPECT_THAT(ParseMaskSheet(answer).status().message(), StartsWith("the mask program's answer"))
        << answer;
  }
}

TEST(MaskText, DrawsTwoCharactersPerEntryWhereTheyFit) {
  EXPECT_EQ(*MaskText(Sheet("window(1)", 4), 0),
            "window(1)\n"
            "2 layers, 2 heads, 4 tokens\n"
            "\n"
            "layers 0-1, heads 0-1: 10 of 16 kept, density 0.6250\n"
            "  0 1 2 3\n"
            "0 ████· ·\n"
            "1 ██████·\n"
            "2 · ██████\n"
            "3 · · ████\n");
}

TEST(MaskText, DrawsTwoQueriesPerLineWhereTheWidthIsShort) {
  EXPECT_THAT(*MaskText(Sheet("window(1)", 5), 8), HasSubstr("  01234\n"
                                                             "0 ██▄\n"
                                                             "2  ▀██▄\n"
                                                             "4    ▀▀\n"));
}

TEST(MaskText, SaysWhichCellsHaveAMaskAndCountsEmptyRows) {
  const std::string text =
      *MaskText(Sheet("layer 1 heads 0,2-3: window(1) & block(2, shift=1)", 5, 3, 4), 0);
  EXPECT_THAT(text, HasSubstr("\nlayers 0,2, heads 0-3; layer 1, head 1: 25 of 25 kept"));
  EXPECT_THAT(text, HasSubstr("\nlayer 1, heads 0,2-3: 2 of 25 kept, density 0.0800, 3 empty rows"));
}

TEST(MaskText, NamesTheTokensAlongTheRowsAndTheParse) {
  MaskSheet sheet = *SelectMasks(Sheet("window(1)", 5), 0, 0);
  sheet.tokens = {"[CLS]", "cats", "naïve", "注意", "[SEP]"};
  sheet.words = {"cats", "naïve", "注意"};
  sheet.edges = {{-1, 1}, {0, 1}, {1, 2}};
  const std::string wide = *MaskText(sheet, 40);
  EXPECT_THAT(wide, HasSubstr("parse: ROOT–naïve  cats–naïve  naïve–注意\n"));
  EXPECT_THAT(wide, HasSubstr("\n        0 1 2 3 4\n"
                              "0 [CLS] ████· · ·\n"
                              "1 cats  ██████· ·\n"
                              "2 naïve · ██████·\n"
                              "3 注意  · · ██████\n"));
  EXPECT_THAT(*MaskText(sheet, 14), HasSubstr("2 naïve ·███·\n")) << "a line per token stays";
}

TEST(MaskText, RefusesWhatIsWiderThanTheTerminal) {
  EXPECT_EQ(MaskText(Sheet("self", 80), 60).status().message(),
            "80 tokens need 83 columns and the terminal has 60; widen it, ask for a shorter text or "
            "for --format png --output FILE");
}

TEST(MaskText, CountsTheMasksThatATerminalDoesNotShow) {
  const MaskSheet sheet = Sheet("random(1)", 8, 4, 4);
  EXPECT_THAT(*MaskText(sheet, 80), HasSubstr("... and 4 masks that differ; --layer L --head H"));
  EXPECT_THAT(*MaskText(sheet, 0), HasSubstr("layer 3, head 3: 16 of 64 kept"));
}

// A picture as libpng reads it back.
struct Image {
  int width, height;
  std::vector<unsigned char> rgb;
  Rgb at(int x, int y) const {
    const unsigned char* p = &rgb[3 * static_cast<size_t>(y * width + x)];
    return {p[0], p[1], p[2]};
  }
};
Image Decode(const std::string& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()));
  image.format = PNG_FORMAT_RGB;
  Image out{static_cast<int>(image.width), static_cast<int>(image.height),
            std::vector<unsigned char>(PNG_IMAGE_SIZE(image))};
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, out.rgb.data(), 0, nullptr));
  return out;
}
bool Same(Rgb a, Rgb b) { return a.red == b.red && a.green == b.green && a.blue == b.blue; }

TEST(MaskPng, ASingleMaskFillsThePictureWithCrispSquares) {
  const MaskSheet sheet = *SelectMasks(Sheet("layer 1 head 0: random(2)", 7), 1, 0);
  const Image image = Decode(*MaskPng(sheet, 3));
  ASSERT_EQ(image.width, 21);
  ASSERT_EQ(image.height, 21);
  for (int y = 0; y < 21; ++y) {
    for (int x = 0; x < 21; ++x) {
      EXPECT_TRUE(Same(image.at(x, y), sheet.at(0, 0).at(y / 3, x / 3) ? kMaskOn : kMaskOff))
          << x << "," << y;
    }
  }
}

TEST(MaskPng, LinesPartLargeEntries) {
  const Image image = Decode(*MaskPng(*SelectMasks(Sheet("dense", 2), 0, 0), 8));
  EXPECT_TRUE(Same(image.at(6, 6), kMaskOn));
  EXPECT_TRUE(Same(image.at(7, 3), kMaskPaper));
  EXPECT_TRUE(Same(image.at(3, 7), kMaskPaper));
}

// Where the masks of a sheet are is found by their colours: they lie on a regular grid.
TEST(MaskPng, ASheetHasEveryMaskInItsRowAndColumn) {
  const MaskSheet sheet = Sheet("layer 0: random(1); layer 2 head 1: self", 6, 3, 2);
  const int scale = 2, side = 12;
  const Image image = Decode(*MaskPng(sheet, scale));
  const auto masked = [&](int x, int y) {
    return Same(image.at(x, y), kMaskOn) || Same(image.at(x, y), kMaskOff);
  };
  std::vector<int> columns, rows;  // left and upper edges
  for (int x = 1; x < image.width; ++x) {
    bool here = false, before = false;
    for (int y = 0; y < image.height; ++y) here |= masked(x, y), before |= masked(x - 1, y);
    if (here && !before) columns.push_back(x);
  }
  for (int y = 1; y < image.height; ++y) {
    bool here = false, before = false;
    for (int x = 0; x < image.width; ++x) here |= masked(x, y), before |= masked(x, y - 1);
    if (here && !before) rows.push_back(y);
  }
  ASSERT_EQ(columns.size(), 2u);
  ASSERT_EQ(rows.size(), 3u);
  for (size_t layer = 0; layer < 3; ++layer) {
    for (size_t head = 0; head < 2; ++head) {
      for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
          EXPECT_TRUE(Same(image.at(columns[head] + x, rows[layer] + y),
                           sheet.at(layer, head).at(y / scale, x / scale) ? kMaskOn : kMaskOff))
              << layer << "," << head << ": " << x << "," << y;
        }
      }
    }
  }
}

TEST(MaskPng, RefusesAPictureThatNoProgramWouldOpen) {
  EXPECT_THAT(MaskPng(Sheet("self", 400, 3, 3), 256).status().message(),
              HasSubstr("ask for one mask with --layer and --head, or a smaller --scale"));
}

TEST(MaskNpy, HasTheHeaderOfTheFormatAndOneByteAnEntry) {
  std::ostringstream out;
  WriteMaskNpy(Sheet("layer 1: self", 3), out);
  const std::string bytes = out.str();
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(bytes.substr(10),
              StartsWith("{'descr': '|b1', 'fortran_order': False, 'shape': (2, 2, 3, 3), }"));
  ASSERT_EQ(bytes.size(), 128u + 36);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(bytes.substr(128, 18), std::string(18, '\x01'));
  EXPECT_EQ(bytes.substr(128 + 18, 9), std::string("\1\0\0\0\1\0\0\0\1", 9));
}

}  // namespace
}  // namespace sparsweep
