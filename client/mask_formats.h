// Masks as people and programs look at them: block characters, a PNG picture, a NumPy array.
//
// Pure functions of a sheet (client/mask_sheet.h). Formats: docs/attention-language.md.
#pragma once

#include <iosfwd>
#include <string>

#include "client/mask_sheet.h"
#include "core/result.h"

namespace sparsweep {

// One picture per distinct mask under the layers and heads that have it, a line per query. With
// tokens their names stand along the rows; without, and where two characters per entry do not fit,
// a character holds two queries. `width`: columns of the terminal, 0 for no limit; a longer text
// is refused. On a terminal only the first few of many masks are drawn, and the rest counted.
Result<std::string> MaskText(const MaskSheet& sheet, int width);

// A sheet of all masks, layers down and heads across with their numbers; a single mask fills the
// picture, its entries parted by lines. `scale`: pixels per entry, 0 chooses. Kept entries are
// kMaskOn, others kMaskOff. Palette PNG.
struct Rgb {
  unsigned char red, green, blue;
};
inline constexpr Rgb kMaskPaper{255, 255, 255}, kMaskOff{226, 230, 235}, kMaskOn{33, 73, 127},
    kMaskInk{27, 31, 36};
Result<std::string> MaskPng(const MaskSheet& sheet, int scale);

// NPY 1.0: bool, C order, [layers, heads, N, N].
void WriteMaskNpy(const MaskSheet& sheet, std::ostream& out);

}  // namespace sparsweep
