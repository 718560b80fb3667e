// A pattern of the attention language as an immutable tree of values: which keys each query keeps.
//
// Definitions: docs/attention-language.md. Not here: text (core/attention_parser.h reads it), the
// canonical form (core/canonical.h), bits (core/mask.h). Plain values: any thread.
#pragma once

#include <compare>
#include <cstdint>
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

enum class Draw { kHead, kLayer, kPlan };  // who shares one random draw
enum class Over { kReal, kMax };           // the length that is cut into blocks

struct Pattern;

struct Dense {
  auto operator<=>(const Dense&) const = default;
};
struct Self {
  auto operator<=>(const Self&) const = default;
};
struct Window {  // abs(i-j) <= w * dilation and (i-j) mod dilation = 0
  Degree w;
  int dilation = 1;
  auto operator<=>(const Window&) const = default;
};
struct Global {  // i < g or j < g, and the diagonal
  Degree g;
  auto operator<=>(const Global&) const = default;
};
struct Random {  // itself and r other keys per row
  Degree r;
  Draw draw = Draw::kHead;
  auto operator<=>(const Random&) const = default;
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
struct Intersection {
  std::vector<Pattern> terms;
};
struct Union {
  std::vector<Pattern> terms;
};

struct Pattern {
  // In the alphabetical order of their names: the order of terms in canonical text.
  std::variant<Block, BlockBert, Dense, Global, Random, Self, Window, Intersection, Union> node;

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

// Whether some mask of this pattern depends on the mask seed.
bool Draws(const Pattern& pattern);

// Legal source text; the shortest spelling, arguments that have their default left out.
std::string ToText(const Pattern& pattern);

}  // namespace sparsweep
