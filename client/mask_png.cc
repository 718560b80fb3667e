// Masks as a picture: layers down, heads across, every entry a square of whole pixels.
#include <png.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "client/mask_formats.h"

namespace sparsweep {
namespace {

enum Color : unsigned char { kPaper, kOff, kOn, kInk };
constexpr std::array<Rgb, 4> kPalette = {kMaskPaper, kMaskOff, kMaskOn, kMaskInk};

constexpr int64_t kMaxPixels = int64_t{1} << 28;
constexpr int kSheetMask = 160;    // pixels that a mask of a sheet takes at most, if it can
constexpr int kSingleMask = 1024;  // and a mask alone
constexpr int kLinesFrom = 8;      // pixels per entry from which lines part the entries

// Digits of 3 x 5 dots, a row per octal digit from the top.
constexpr std::array<int, 10> kDigits = {075557, 026227, 071747, 071717, 055711,
                                         074717, 074757, 071111, 075757, 075717};
constexpr int kDot = 3;  // pixels per dot of a digit
constexpr int kDigitWidth = 4 * kDot, kDigitHeight = 5 * kDot;

class Canvas {
 public:
  Canvas(int width, int height)
      : width_(width), height_(height),
        pixels_(static_cast<size_t>(width) * static_cast<size_t>(height), kPaper) {}

  void Fill(int x, int y, int width, int height, Color color) {
    for (int row = y; row < y + height; ++row) {
      std::memset(&pixels_[static_cast<size_t>(row) * width_ + x], color, width);
    }
  }
  // Its right end at `x`, its top at `y`.
  void Number(int x, int y, int number) {
    for (; x >= kDigitWidth; number /= 10) {
      x -= kDigitWidth;
      for (int dot = 0; dot < 15; ++dot) {
        if ((kDigits[static_cast<size_t>(number % 10)] >> (14 - dot) & 1) == 0) continue;
        Fill(x + dot % 3 * kDot, y + dot / 3 * kDot, kDot, kDot, kInk);
      }
      if (number < 10) return;
    }
  }
  Result<std::string> Png() const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB_COLORMAP;
    image.colormap_entries = kPalette.size();
    png_alloc_size_t size = 0;
    std::string bytes;
    for (int pass = 0; pass < 2; ++pass) {  // the first one measures
      if (!png_image_write_to_memory(&image, pass == 0 ? nullptr : bytes.data(), &size, 0,
                                     pixels_.data(), width_, kPalette.data())) {
        return Status(StatusCode::kInternal,
                      std::string("libpng refused the picture: ") + image.message);
      }
      bytes.resize(size);
    }
    return bytes;
  }

 private:
  int width_, height_;
  std::vector<unsigned char> pixels_;
};

void Paint(const Mask& mask, int x, int y, int scale, bool lines, Canvas* canvas) {
  const int size = lines ? scale - 1 : scale;
  for (int query = 0; query < mask.length(); ++query) {
    for (int key = 0; key < mask.length(); ++key) {
      canvas->Fill(x + key * scale, y + query * scale, size, size,
                   mask.at(query, key) ? kOn : kOff);
    }
  }
}

}  // namespace

Result<std::string> MaskPng(const MaskSheet& sheet, int scale) {
  const auto rows = static_cast<int64_t>(sheet.layers.size());
  const auto columns = static_cast<int64_t>(sheet.heads.size());
  const bool single = rows * columns == 1;
  if (scale == 0) scale = std::max(1, (single ? kSingleMask : kSheetMask) / sheet.length);
  const int64_t side = static_cast<int64_t>(sheet.length) * scale;
  const int gap = single ? 0 : 4 * kDot;
  const int left = single ? 0 : 4 * kDigitWidth + gap, top = single ? 0 : kDigitHeight + 2 * gap;
  const int64_t width = left + columns * (side + gap), height = top + rows * (side + gap);
  if (width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels) {
    return InvalidArgument("the picture would have " + std::to_string(width) + " x " +
                           std::to_string(height) +
                           " pixels; ask for one mask with --layer and --head, or a smaller --scale");
  }
  Canvas canvas(static_cast<int>(width), static_cast<int>(height));
  for (int64_t row = 0; row < rows; ++row) {
    const int y = static_cast<int>(top + row * (side + gap));
    const int middle = y + static_cast<int>(std::max<int64_t>(0, side - kDigitHeight) / 2);
    if (!single) canvas.Number(left - gap, middle, sheet.layers[static_cast<size_t>(row)]);
    for (int64_t column = 0; column < columns; ++column) {
      const int x = static_cast<int>(left + column * (side + gap));
      if (row == 0 && !single) {
        canvas.Number(x + static_cast<int>(side / 2) + kDigitWidth, gap,
                      sheet.heads[static_cast<size_t>(column)]);
      }
      Paint(sheet.at(static_cast<size_t>(row), static_cast<size_t>(column)), x, y, scale,
           scale >= kLinesFrom, &canvas);
    }
  }
  return canvas.Png();
}

}  // namespace sparsweep
