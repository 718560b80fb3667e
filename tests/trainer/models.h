// Where tests find models and tasks, and how a test that lacks them skips: loudly.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/catalog.h"

namespace sparsweep {

inline std::filesystem::path TestModel(const std::string& name) {
  return Catalog::DefaultFolder() / "models" / name;
}

#define SPARSWEEP_NEEDS(path)                                                             \
  if (!std::filesystem::exists(path)) {                                                   \
    GTEST_SKIP() << "NOT RUN: " << (path) << " is absent; scripts/bootstrap installs it"; \
  }

}  // namespace sparsweep
