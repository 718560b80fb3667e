// See warnings.h.
#include "core/warnings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/bigbird_block.h"
#include "core/caret.h"
#include "core/degree.h"
#include "core/text_masks.h"

namespace sparsweep {
namespace {

constexpr double kDensityMiss = 0.1;
constexpr double kDenseShare = 0.5;
constexpr double kOverlapShare = 0.25;

using Lengths = std::map<int, int64_t>;

// More than any text keeps: patterns only grow with their terms, so a mask made of these holds
// every mask of the plan.
class AnyText : public TextMasks {
 public:
  void Add(const Syntax& pattern, Mask* mask) const override {
    KeepAll(pattern.hops == 0 ? 1 : 0, pattern.hops == 0 ? 1 : 0, mask);
  }
  void Add(const Lexical&, Mask* mask) const override { KeepAll(1, 1, mask); }

 private:
  // All tokens but some at the beginning and the end, which keep themselves: special ones.
  static void KeepAll(int first, int last, Mask* mask) {
    const int n = mask->length();
    for (int i = 0; i < n; ++i) {
      mask->Keep(i, i);
      if (i >= first && i < n - last) mask->KeepRange(i, first, n - last);
    }
  }
};

std::string Decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

// "every text" or "3 of 12 texts".
std::string TextsText(int64_t some, int64_t all) {
  if (some == all) return "every text";
  return std::to_string(some) + " of " + std::to_string(all) + " texts";
}

class Warner {
 public:
  Warner(const Plan& plan, const Lengths& lengths, uint64_t mask_seed)
      : plan_(plan), lengths_(lengths), mask_seed_(mask_seed) {
    for (const auto& [length, texts] : lengths) texts_ += texts;
    first_cell_.resize(plan.patterns().size(), -1);
    for (int cell = plan.layers() * plan.heads() - 1; cell >= 0; --cell) {
      first_cell_[plan.index(cell / plan.heads(), cell % plan.heads())] = cell;
    }
  }

  std::vector<std::string> Warn(std::string_view pooling) {
    for (const std::string& sentence : DenseRuleWarnings(plan_)) Add(sentence);
    if (pooling == "cls") WarnOfBlindCls();
    for (size_t index = 0; index < plan_.patterns().size(); ++index) {
      const Pattern& pattern = plan_.patterns()[index];
      if (pattern.As<Dense>() != nullptr || IsLearned(pattern)) continue;
      const int cell = first_cell_[index];
      if (!NeedsText(pattern)) WarnOfDensePattern(pattern, cell);
      WarnOfTerms(pattern, cell);
    }
    return std::move(warnings_);
  }

 private:
  void Add(const std::string& sentence) {
    if (std::find(warnings_.begin(), warnings_.end(), sentence) == warnings_.end()) {
      warnings_.push_back(sentence);
    }
  }

  MaskContext ContextOf(int cell) const {
    return {mask_seed_,           cell / plan_.heads(),
            cell % plan_.heads(), plan_.context().max_length,
            plan_.heads(),        0,
            Phase::kTraining,     &any_text_};
  }

  // Whether [CLS] keeps another token in some layer and head.
  bool ClsSees(int length) const {
    for (size_t index = 0; index < plan_.patterns().size(); ++index) {
      const Pattern& pattern = plan_.patterns()[index];
      if (pattern.As<Dense>() != nullptr || IsLearned(pattern)) return true;
      for (int cell = first_cell_[index]; cell < plan_.layers() * plan_.heads(); ++cell) {
        if (plan_.index(cell / plan_.heads(), cell % plan_.heads()) != static_cast<int>(index)) {
          continue;
        }
        const Mask mask = BuildMask(pattern, length, ContextOf(cell));
        for (int key = 1; key < length; ++key) {
          if (mask.at(0, key)) return true;
        }
        if (!DependsOnHead(pattern)) break;
      }
    }
    return false;
  }

  void WarnOfBlindCls() {
    int64_t blind = 0;
    for (const auto& [length, texts] : lengths_) {
      if (length > 1 && !ClsSees(length)) blind += texts;
    }
    if (blind == 0) return;
    Add("with pooling cls, [CLS] sees no other token in any layer of " + TextsText(blind, texts_) +
        ", so the classifier cannot tell them apart; use pooling mean, or a pattern that holds "
        "row 0");
  }

  void WarnOfDensePattern(const Pattern& pattern, int cell) {
    int64_t dense = 0;
    for (const auto& [length, texts] : lengths_) {
      const Mask mask = BuildMask(pattern, length, ContextOf(cell));
      if (mask.kept() == int64_t{length} * length) dense += texts;
    }
    if (dense == 0 || dense < kDenseShare * texts_) return;
    Add(Quoted(ToText(pattern)) + " keeps everything in " + TextsText(dense, texts_));
  }

  void WarnOfTerms(const Pattern& pattern, int cell) {
    if (const auto* window = pattern.As<Window>()) return WarnOfDensity(*window, window->w);
    if (const auto* global = pattern.As<Global>()) return WarnOfDensity(*global, global->g);
    if (const auto* random = pattern.As<Random>()) return WarnOfDensity(*random, random->r);
    const auto* sum = pattern.As<Union>();
    const auto* product = pattern.As<Intersection>();
    if (sum == nullptr && product == nullptr) return;
    for (const Pattern& term : sum ? sum->terms : product->terms) WarnOfTerms(term, cell);
    if (sum != nullptr && !NeedsText(pattern)) WarnOfOverlap(*sum, cell);
  }

  template <typename P>
  void WarnOfDensity(const P& pattern, const Degree& degree) {
    const auto* wanted = std::get_if<Density>(&degree);
    if (wanted == nullptr) return;
    double kept = 0, entries = 0;
    for (const auto& [length, texts] : lengths_) {
      const double count = static_cast<double>(texts);
      kept += count * static_cast<double>(KeptAt(pattern, length, DegreeAt(pattern, length)));
      entries += count * length * length;
    }
    if (auto missed = DensityMissed({pattern}, *wanted, kept, entries)) Add(*missed);
  }

  void WarnOfOverlap(const Union& sum, int cell) {
    Union draws, others{{{Self{}}}};
    for (const Pattern& term : sum.terms) {
      (term.As<Random>() != nullptr ? draws : others).terms.push_back(term);
    }
    if (draws.terms.empty()) return;
    int64_t drawn = 0, added = 0;
    for (const auto& [length, texts] : lengths_) {
      const auto kept = [&, n = length](const Pattern& pattern) {
        return BuildMask(pattern, n, ContextOf(cell)).kept();
      };
      for (const Pattern& draw : draws.terms) drawn += texts * (kept(draw) - length);
      added += texts * (kept({sum}) - kept({others}));
    }
    const double overlap = static_cast<double>(drawn - added);
    if (drawn == 0 || overlap < kOverlapShare * static_cast<double>(drawn)) return;
    Add("in " + Quoted(ToText({sum})) + " " +
        std::to_string(std::lround(100 * overlap / static_cast<double>(drawn))) +
        " % of the keys drawn at random are kept by other terms already; the union is smaller than "
        "the names suggest");
  }

  const Plan& plan_;
  const Lengths& lengths_;
  const uint64_t mask_seed_;
  const AnyText any_text_;
  int64_t texts_ = 0;
  std::vector<int> first_cell_;  // of each pattern
  std::vector<std::string> warnings_;
};

}  // namespace

std::optional<std::string> DensityMissed(const Pattern& term, const Density& wanted, double kept,
                                         double entries) {
  const double x = static_cast<double>(wanted.units) / Density::kOne;
  if (entries == 0 || std::fabs(kept / entries - x) <= kDensityMiss * x) return std::nullopt;
  return Quoted(ToText(term)) + " has density " + Decimal(kept / entries) +
         " over these texts; no degree comes closer";
}

std::vector<std::string> DenseRuleWarnings(const Plan& plan) {
  std::vector<std::string> sentences;
  for (const Pattern& rule : plan.became_dense()) {
    std::string why = " at max_length " + std::to_string(plan.context().max_length);
    if (const auto* blocks = rule.As<BigBirdBlock>(); blocks && blocks->exact == Exact::kHf) {
      why += ": transformers runs full attention up to " +
             std::to_string((5 + 2 * int64_t{blocks->r}) * blocks->block) + " tokens";
    }
    sentences.push_back(Quoted(ToText(rule)) + " is dense" + why);
  }
  return sentences;
}

std::vector<std::string> PlanWarnings(const Plan& plan, const std::map<int, int64_t>& lengths,
                                      std::string_view pooling, uint64_t mask_seed) {
  return Warner(plan, lengths, mask_seed).Warn(pooling);
}

}  // namespace sparsweep
