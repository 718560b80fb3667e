// Who depends on whom: the parses of an input as one undirected graph over its words and a ROOT,
// and the mask that `syntax(hops)` makes of it. Not here: how a text is parsed (conllu.h,
// link_grammar.h). Plain values: any thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/mask.h"
#include "trainer/words.h"

namespace sparsweep {

// One text's words and edges; the sentences of a text follow one another.
struct ParsedText {
  struct Span {
    uint32_t begin = 0, end = 0;  // bytes of the text
    bool operator==(const Span&) const = default;
  };
  std::vector<Span> words;  // ascending, without overlap
  std::vector<std::pair<int32_t, int32_t>> edges;
  std::vector<int32_t> roots;  // words with an edge from ROOT
  int32_t sentences = 0, parsed = 0;
  int32_t capped = 0;  // sentences that ran into a time cap: a faster machine might parse otherwise

  // Adds the sentence or text `other`, whose first byte is at `offset` here.
  void Append(const ParsedText& other, uint32_t offset);
};

// The trees of the segments of an input under one ROOT.
struct WordGraph {
  std::vector<Word> words;
  std::vector<std::pair<int32_t, int32_t>> edges;
  std::vector<int32_t> roots;

  WordGraph() = default;
  explicit WordGraph(const std::vector<const ParsedText*>& segments);
};

// Keeps, for every two words at most `hops` edges apart (the way may lead over ROOT, and over words
// that truncation cut off), all pairs of their tokens; [CLS] stands for ROOT; the tokens of one
// word keep each other, and every token keeps itself.
void KeepSyntax(const WordGraph& graph, const WordTokens& tokens, int hops, Mask* mask);

}  // namespace sparsweep
