// Masks as a NumPy file (the NPY format is documented in numpy.lib.format).
#include <ostream>

#include "client/mask_formats.h"

namespace sparsweep {

void WriteMaskNpy(const MaskSheet& sheet, std::ostream& out) {
  const std::string n = std::to_string(sheet.length);
  std::string header = "{'descr': '|b1', 'fortran_order': False, 'shape': (" +
                       std::to_string(sheet.layers.size()) + ", " +
                       std::to_string(sheet.heads.size()) + ", " + n + ", " + n + "), }";
  // Magic, version and length take ten bytes; the data begin at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const auto low = static_cast<char>(header.size() & 0xff);
  const auto high = static_cast<char>(header.size() >> 8);
  out << "\x93NUMPY" << '\x01' << '\x00' << low << high << header;
  std::string row(static_cast<size_t>(sheet.length), '\0');
  for (const int index : sheet.index) {
    const Mask& mask = sheet.masks[static_cast<size_t>(index)];
    for (int query = 0; query < mask.length(); ++query) {
      for (int key = 0; key < mask.length(); ++key) {
        row[static_cast<size_t>(key)] = mask.at(query, key) ? '\x01' : '\x00';
      }
      out.write(row.data(), static_cast<std::streamsize>(row.size()));
    }
  }
}

}  // namespace sparsweep
