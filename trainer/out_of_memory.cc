#include "trainer/out_of_memory.h"

#include <c10/util/Exception.h>

#include <new>
#include <string_view>

namespace sparsweep {

bool IsOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error)) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error)) return true;
  // The CPU's allocator and some libraries have words for it, but no type.
  const std::string_view text = error.what();
  return text.find("out of memory") != std::string_view::npos ||
         text.find("can't allocate memory") != std::string_view::npos;
}

}  // namespace sparsweep
