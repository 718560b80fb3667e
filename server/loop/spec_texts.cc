#include "server/loop/spec_texts.h"

#include <array>
#include <utility>

#include "core/json.h"
#include "core/splice.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxTemplates = 20'000;
// Stand for the values; nothing else in a specification looks like them.
constexpr char kAttention[] = "@the attention of the trial@";
constexpr char kIdentity[] = "@the identity of the trial@";
constexpr uint64_t kSeed = 8'161'803'398'874'989, kMaskSeed = 8'271'828'182'845'904;

}  // namespace

SpecTexts::SpecTexts(const SweepSpec& spec) : space_(spec.axes, AxesUsed(spec.attention)) {}

SpecTexts::Template SpecTexts::Cut(TrialSpec trial) {
  trial.attention = kAttention;
  trial.identity = kIdentity;
  trial.seed = kSeed;
  if (trial.mask_seed) trial.mask_seed = kMaskSeed;
  const std::array<std::pair<std::string, Value>, 4> places = {{
      {std::string("\"") + kAttention + "\"", Value::kAttention},
      {std::string("\"") + kIdentity + "\"", Value::kIdentity},
      {std::to_string(kSeed), Value::kSeed},
      {std::to_string(kMaskSeed), Value::kMaskSeed},
  }};
  const std::string whole = TrialSpecToJson(trial);
  Template pieces;
  size_t from = 0;
  while (true) {
    size_t first = std::string::npos;
    const std::pair<std::string, Value>* next = nullptr;
    for (const auto& place : places) {
      const size_t at = whole.find(place.first, from);
      if (at < first) {
        first = at;
        next = &place;
      }
    }
    if (next == nullptr) break;
    pieces.push_back({whole.substr(from, first - from), next->second});
    from = first + next->first.size();
  }
  pieces.push_back({whole.substr(from), Value::kNone});
  return pieces;
}

std::string SpecTexts::Of(uint64_t index, const TrialSpec& trial) {
  // The baselines that were added come after the combinations, one for each setting.
  const uint64_t setting =
      index < space_.size() ? space_.At(index).other : index - space_.size();
  const uint64_t key = 2 * setting + trial.mask_seed.has_value();
  auto found = templates_.find(key);
  if (found == templates_.end()) {
    if (templates_.size() >= kMaxTemplates) templates_.clear();
    found = templates_.emplace(key, Cut(trial)).first;
  }
  std::string text;
  text.reserve(1024);
  for (const Piece& piece : found->second) {
    text += piece.text;
    switch (piece.then) {
      case Value::kAttention: text += QuoteJson(trial.attention); break;
      case Value::kIdentity: text += QuoteJson(trial.identity); break;
      case Value::kSeed: text += std::to_string(trial.seed); break;
      case Value::kMaskSeed: text += std::to_string(*trial.mask_seed); break;
      case Value::kNone: break;
    }
  }
  return text;
}

}  // namespace sparsweep
