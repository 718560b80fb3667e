// The sweep file: any bytes are a spec or an error with a sentence; a spec survives being written and
// read again, and its first cells can be asked for.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/grid.h"
#include "core/sweep_spec.h"
#include "tests/core/fake_resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sparsweep;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const Result<SweepSpec> spec = ParseSweepSpec(text);
  if (!spec.ok()) {
    if (spec.status().message().empty()) std::abort();
    return 0;
  }
  const Result<SweepSpec> again = ParseSweepSpec(SweepSpecToJson(*spec));
  if (!again.ok() || SweepSpecToJson(*again) != SweepSpecToJson(*spec)) std::abort();
  FakeResolver resolver;
  Result<Grid> grid = Grid::Make(*spec, resolver);
  if (!grid.ok()) return 0;
  for (uint64_t index = 0; index < std::min<uint64_t>(grid->end_index(), 4); ++index) {
    (void)grid->At(index);
  }
  return 0;
}
