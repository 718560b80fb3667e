#include "client/exit_codes.h"

#include <cstdio>

namespace sparsweep {

int Refuse(const Status& status) {
  std::fprintf(stderr, "sparsweep: %s\n", status.message().c_str());
  for (size_t i = 1; i < status.fields().size(); ++i) {
    const FieldViolation& field = status.fields()[i];
    if (field.description == status.message()) continue;
    std::fprintf(stderr, "  also %s: %s\n", field.field.c_str(), field.description.c_str());
  }
  return kExitRefused;
}

}  // namespace sparsweep
