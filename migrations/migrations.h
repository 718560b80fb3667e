// The numbered migrations as text, embedded by the build: entry n brings a file from user_version n
// to n + 1. Constant after start: any thread.
#pragma once

#include <span>

namespace sparsweep {

struct Migration {
  const char* name;  // "0001_initial"
  const char* sql;
};
std::span<const Migration> Migrations();

}  // namespace sparsweep
