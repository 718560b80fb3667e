#include "trainer/word_graph.h"

namespace sparsweep {

void ParsedText::Append(const ParsedText& other, uint32_t offset) {
  const auto first = static_cast<int32_t>(words.size());
  for (const Span& word : other.words) words.push_back({word.begin + offset, word.end + offset});
  for (const auto& [a, b] : other.edges) edges.emplace_back(a + first, b + first);
  for (int32_t root : other.roots) roots.push_back(root + first);
  sentences += other.sentences;
  parsed += other.parsed;
  capped += other.capped;
}

WordGraph::WordGraph(const std::vector<const ParsedText*>& segments) {
  for (size_t segment = 0; segment < segments.size(); ++segment) {
    const auto first = static_cast<int32_t>(words.size());
    const ParsedText& text = *segments[segment];
    for (const auto& span : text.words) {
      words.push_back({static_cast<int32_t>(segment), span.begin, span.end});
    }
    for (const auto& [a, b] : text.edges) edges.emplace_back(a + first, b + first);
    for (int32_t root : text.roots) roots.push_back(root + first);
  }
}

void KeepSyntax(const WordGraph& graph, const WordTokens& tokens, int hops, Mask* mask) {
  tokens.KeepOwn(mask);
  const auto root = static_cast<int32_t>(graph.words.size());  // the node after the words
  std::vector<std::vector<int32_t>> neighbours(graph.words.size() + 1);
  const auto connect = [&](int32_t a, int32_t b) {
    neighbours[a].push_back(b);
    neighbours[b].push_back(a);
  };
  for (const auto& [a, b] : graph.edges) connect(a, b);
  for (int32_t word : graph.roots) connect(root, word);

  std::vector<int32_t> seen_from(neighbours.size(), -1), reached;
  for (int32_t start = 0; start < root; ++start) {
    if (tokens.tokens(start).empty()) continue;
    // Breadth first: `reached` is the queue, in which a level ends where the next one begins.
    reached.assign(1, start);
    seen_from[start] = start;
    size_t next = 0;
    for (int hop = 0; hop < hops && next < reached.size(); ++hop) {
      for (const size_t level_end = reached.size(); next < level_end; ++next) {
        for (int32_t node : neighbours[reached[next]]) {
          if (seen_from[node] == start) continue;
          seen_from[node] = start;
          reached.push_back(node);
        }
      }
    }
    for (int32_t node : reached) {
      if (node < root) {
        if (node > start) tokens.KeepPair(start, node, mask);  // the other half comes from `node`
      } else if (tokens.has_cls()) {
        for (int32_t token : tokens.tokens(start)) {
          mask->Keep(0, token);
          mask->Keep(token, 0);
        }
      }
    }
  }
}

}  // namespace sparsweep
