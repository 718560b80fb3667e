#include "server/services/plan_notes.h"

#include <algorithm>

#include "core/plan.h"
#include "core/warnings.h"

namespace sparsweep {
namespace {

constexpr size_t kCellsNamed = 8;

std::string CellsText(const std::vector<uint64_t>& cells) {
  std::string out = cells.size() == 1 ? "cell " : "cells ";
  for (size_t i = 0; i < std::min(cells.size(), kCellsNamed); ++i) {
    out += (i > 0 ? ", " : "") + std::to_string(cells[i]);
  }
  if (cells.size() > kCellsNamed) {
    out += " and " + std::to_string(cells.size() - kCellsNamed) + " more";
  }
  return out;
}

}  // namespace

void PlanNotes::Look(const Cell& cell) {
  const TrialSpec& trial = cell.trials.front();
  const int max_length = static_cast<int>(trial.training.max_length);
  const std::string key = std::to_string(trial.layers) + " " + std::to_string(trial.heads) + " " +
                          std::to_string(max_length) + " " + trial.training.pooling + " " +
                          cell.attention;
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (known_.size() >= kMostPlans) {
      all_ = false;
      return;
    }
    // As written: the canonical text no longer says what became dense.
    const Result<Plan> plan = Plan::Resolve(cell.attention, {trial.layers, trial.heads, max_length});
    std::vector<std::string> sentences;
    if (plan.ok()) {
      sentences = PlanWarnings(*plan, {{max_length, 1}}, trial.training.pooling,
                               trial.mask_seed.value_or(0));
    }
    known = known_.emplace(key, std::move(sentences)).first;
  }
  for (const std::string& sentence : known->second) {
    auto note = std::find_if(notes_.begin(), notes_.end(),
                             [&](const Note& one) { return one.sentence == sentence; });
    if (note == notes_.end()) note = notes_.insert(note, {sentence, {}});
    note->cells.push_back(cell.index);
  }
}

std::vector<std::string> PlanNotes::Sentences() const {
  std::vector<std::string> out;
  for (const Note& note : notes_) out.push_back(CellsText(note.cells) + ": " + note.sentence);
  if (!all_) {
    out.push_back("only the first " + std::to_string(kMostPlans) +
                  " different plans were looked at for warnings");
  }
  return out;
}

}  // namespace sparsweep
