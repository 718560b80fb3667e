// Warnings about the plans of a grid before anything runs, gathered over its cells: each sentence
// of core/warnings.h once, with the cells that it is about. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/grid.h"

namespace sparsweep {

class PlanNotes {
 public:
  // A cell with at least one trial. Equal plans are looked at once, and at most kMostPlans.
  void Look(const Cell& cell);
  // "cells 0, 2: sentence", in the order in which they were found.
  std::vector<std::string> Sentences() const;

 private:
  static constexpr size_t kMostPlans = 500;  // a look builds masks of max_length

  struct Note {
    std::string sentence;
    std::vector<uint64_t> cells;
  };
  std::vector<Note> notes_;
  std::map<std::string, std::vector<std::string>> known_;  // plan and its setting -> sentences
  bool all_ = true;
};

}  // namespace sparsweep
