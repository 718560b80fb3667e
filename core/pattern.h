// A pattern of the attention language as an immutable tree of values: which keys each query keeps.
//
// Definitions: docs/attention-language.md. Not here: text (core/attention_parser.h reads it), the
// canonical form (core/canonical.h), bits (core/mask.h). Plain values: any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sparsweep {

// A number in [0, 1] as exact decimal, so that "closest, ties to the smaller" never depends on
// rounding: `units` * 10^-18.
struct Density {
  static constexpr uint64_t kOne = 1'000'000'000'000'000'000;
  uint64_t units = 0;
  auto operator<=>(const Density&) const = default;
};

// How many keys: a number, or the density that chooses it for each length.
using Degree = std::variant<int, Density>;

// A cosine in [0, 1], exact: `units` * 10^-18.
struct Threshold {
  uint64_t units = 0;
  auto operator<=>(const Threshold&) const = default;
};

enum class Draw { kHead, kLayer, kPlan };          // who shares one random draw
enum class Each { kLength, kExample };             // what has a random draw of its own
enum class Over { kReal, kMax };                   // the length that is cut into blocks
enum class Exact { kSet, kHf };                    // a set of blocks, or as transformers runs it
enum class Eval { kZeros, kDraw };                 // exact=hf: random blocks at evaluation
enum class Similarity { kModel, kGlove };          // whose word vectors
enum class Per { kLayer, kHead };                  // who shares one learned distribution
enum class Harden { kSample, kMean, kThreshold };  // how a learned degree becomes a mask

struct Pattern;

struct AdaptiveSpan {      // neighbours within a learned span z in [0, max] and a soft ramp
  std::optional<int> max;  // none: max_length - 1 (MaxDegree)
  int ramp = 32;
  auto operator<=>(const AdaptiveSpan&) const = default;
};
struct BigBirdBlock {  // BigBird on blocks of tokens
  int block = 64;
  int r = 3;
  Exact exact = Exact::kSet;
  int max_positions = 4096;  // exact=hf
  Eval eval = Eval::kZeros;  // exact=hf
  auto operator<=>(const BigBirdBlock&) const = default;
};
struct Block {  // query block b keeps key block (b + shift) mod n
  int n = 1;
  int shift = 0;
  Over over = Over::kReal;
  auto operator<=>(const Block&) const = default;
};
struct BlockBert {  // Block with one shift per part of the heads; never in a canonical pattern
  std::vector<int> parts;
  Over over = Over::kReal;
  auto operator<=>(const BlockBert&) const = default;
};
struct Dense {
  auto operator<=>(const Dense&) const = default;
};
struct FairseqFixed {  // SparseBERT's: a block of l tokens and its end, and c tokens of every block
  int l = 1;
  int c = 0;
  auto operator<=>(const FairseqFixed&) const = default;
};
struct Fixed {  // same block of l tokens, or j mod l in {l-c .. l-1}, or i = j
  int l = 1;
  int c = 0;
  auto operator<=>(const Fixed&) const = default;
};
struct Global {  // i < g or j < g, and the diagonal
  Degree g;
  auto operator<=>(const Global&) const = default;
};
struct LearnedWindow {     // neighbours whose one-sided degree is drawn from a learned distribution
  std::optional<int> max;  // none: max_length - 1 (MaxDegree)
  Per per = Per::kLayer;
  Harden harden = Harden::kSample;
  auto operator<=>(const LearnedWindow&) const = default;
};
struct Lexical {  // the most similar other words of the text
  std::variant<Degree, Threshold> by_count_or_threshold;
  Similarity by = Similarity::kModel;
  auto operator<=>(const Lexical&) const = default;
};
struct Random {  // itself and r other keys per row
  Degree r;
  Draw draw = Draw::kHead;
  Each each = Each::kLength;
  auto operator<=>(const Random&) const = default;
};
struct Self {
  auto operator<=>(const Self&) const = default;
};
struct Strided {  // abs(i-j) <= l or (i-j) mod l = 0
  int l = 1;
  auto operator<=>(const Strided&) const = default;
};
struct Syntax {  // words at most `hops` edges apart in the dependency parse
  int hops = 1;
  auto operator<=>(const Syntax&) const = default;
};
struct Window {  // abs(i-j) <= w * dilation and (i-j) mod dilation = 0
  Degree w;
  int dilation = 1;
  auto operator<=>(const Window&) const = default;
};
struct Intersection {
  std::vector<Pattern> terms;
};
struct Union {
  std::vector<Pattern> terms;
};

struct Pattern {
  // In the alphabetical order of their names: the order of terms in canonical text.
  std::variant<AdaptiveSpan, BigBirdBlock, Block, BlockBert, Dense, FairseqFixed, Fixed, Global,
               LearnedWindow, Lexical, Random, Self, Strided, Syntax, Window, Intersection, Union>
      node;

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&node);
  }
};

// A total order: by kind, then by arguments, then term by term.
std::strong_ordering operator<=>(const Pattern& a, const Pattern& b);
bool operator==(const Pattern& a, const Pattern& b);

// The shift of `head` under a blockbert: the part it falls into.
int BlockBertShift(const BlockBert& pattern, int head);

// The largest degree that a learned pattern can take in texts of up to `max_length` tokens.
int MaxDegree(const std::optional<int>& max, int max_length);

// Each asks whether it holds of the pattern or of any term within it.

// Some mask depends on the mask seed.
bool Draws(const Pattern& pattern);
// Masks of one length may differ between layers or heads: a draw of their own, or exact=hf.
bool DependsOnHead(const Pattern& pattern);
// Masks depend on the phase of the trial: exact=hf with eval=zeros.
bool DependsOnPhase(const Pattern& pattern);
// Masks come from the words of a text: MaskContext::text is needed.
bool NeedsText(const Pattern& pattern);
// Masks of one length may differ between examples: of texts, or drawn with each=example.
bool IsPerExample(const Pattern& pattern);
// Degrees are parameters: there is no mask before training (core/learned_degrees.h).
bool IsLearned(const Pattern& pattern);
// Kept entries have weights: exact=hf, whose blocks count as often as they are attended to.
bool IsWeighted(const Pattern& pattern);

// Legal source text; the shortest spelling, arguments that have their default left out.
std::string ToText(const Pattern& pattern);

}  // namespace sparsweep
