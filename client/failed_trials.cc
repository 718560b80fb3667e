#include "client/failed_trials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "client/format.h"

namespace sparsweep {
namespace {

// What the reason means, and what one can do (docs/scheduler.md).
std::string Sentence(const std::string& reason) {
  if (reason == "out_of_memory") {
    return "the trial needs more memory than there is: a smaller batch_size or max_length, accumulate, "
           "or a worker with more memory";
  }
  if (reason == "diverged") return "the loss was no finite number any more: a lower learning_rate";
  if (reason == "data") return "the model or the data cannot be used as the sweep says; retrying cannot help";
  if (reason == "attestation") return "the masks that ran were not those that were asked for; nothing was kept";
  if (reason == "timeout") return "it took longer than time_limit, or made no step for idle_limit";
  if (reason == "crashed") return "the trainer ended by itself, each time it was tried; its log may say why";
  if (reason == "lost") return "its worker was not heard of any more, each time it was tried";
  if (reason == "refused") return "no worker that fits would run it";
  return "";
}

// Where the trial is in the grid: its cells, and the values of the first one's axes.
std::string Place(const std::string& trial, const std::vector<v1::Cell>& cells,
                  const std::vector<std::string>& axes) {
  std::vector<int64_t> numbers;
  const v1::Cell* first = nullptr;
  for (const v1::Cell& cell : cells) {
    if (std::find(cell.trials().begin(), cell.trials().end(), trial) == cell.trials().end()) continue;
    if (first == nullptr) first = &cell;
    numbers.push_back(cell.cell());
  }
  if (first == nullptr) return "";
  std::vector<std::string> values;
  for (const std::string& axis : axes) {
    const auto value = first->axes().fields().find(axis);
    if (value == first->axes().fields().end()) continue;
    if (const std::string text = ValueText(value->second); !text.empty()) {
      values.push_back(axis + " = " + text);
    }
  }
  if (first->baseline()) values.insert(values.begin(), "baseline");
  return fmt::format("{} {}{}{}: ", numbers.size() == 1 ? "cell" : "cells",
                     fmt::join(numbers, ", "), values.empty() ? "" : ", ", fmt::join(values, ", "));
}

}  // namespace

std::string FailedTrialsText(const std::vector<v1::Trial>& failed,
                             const std::vector<v1::Cell>& cells,
                             const std::vector<std::string>& axes) {
  std::string text;
  std::set<std::string> reasons;
  for (const v1::Trial& trial : failed) {
    const std::string mask_seed =
        trial.has_mask_seed() ? fmt::format(", mask seed {}", trial.mask_seed()) : "";
    text += fmt::format("  {}  {}{}, seed {}{}\n      {}{}{}\n", trial.name(),
                        Place(trial.name(), cells, axes), trial.canonical(), trial.seed(), mask_seed,
                        trial.reason(), trial.message().empty() ? "" : ": ", trial.message());
    reasons.insert(trial.reason());
  }
  for (const std::string& reason : reasons) {
    if (const std::string sentence = Sentence(reason); !sentence.empty()) {
      text += fmt::format("  {}: {}\n", reason, sentence);
    }
  }
  return text;
}

}  // namespace sparsweep
