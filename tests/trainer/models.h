// Where tests find models and tasks, and how a test that lacks them skips: loudly.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/catalog.h"
#include "core/sweep_spec.h"
#include "trainer/link_grammar.h"

namespace sparsweep {

inline std::filesystem::path TestModel(const std::string& name) {
  return Catalog::DefaultFolder() / "models" / name;
}

#define SPARSWEEP_NEEDS(path)                                                             \
  if (!std::filesystem::exists(path)) {                                                   \
    GTEST_SKIP() << "NOT RUN: " << (path) << " is absent; scripts/bootstrap installs it"; \
  }

// Real data that the project does not hold: $SPARSWEEP_TEST_DATA, else shared/data beside the
// checkout.
inline std::filesystem::path TestData(const std::string& name) {
  const char* folder = std::getenv("SPARSWEEP_TEST_DATA");
  return std::filesystem::path(folder ? folder : SPARSWEEP_SOURCE_DIR "/../shared/data") / name;
}

#define SPARSWEEP_NEEDS_DATA(path)                                                               \
  if (!std::filesystem::exists(path)) {                                                          \
    GTEST_SKIP() << "NOT RUN: " << (path) << " is absent; SPARSWEEP_TEST_DATA says where it is"; \
  }

#define SPARSWEEP_NEEDS_PARSER()                                                                  \
  if (auto parser = LinkGrammar::Load(kDefaultParser); !parser.ok()) {                            \
    GTEST_SKIP() << "NOT RUN: " << parser.status().message() << "; scripts/bootstrap installs it"; \
  }

}  // namespace sparsweep
