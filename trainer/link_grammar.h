// English sentences as word graphs by the link-grammar library, which is loaded when it is first
// needed: a trainer runs where it is not installed, and only plans that need it are refused.
//
// Links between words are edges, links from LEFT-WALL to a word are edges from ROOT; RIGHT-WALL and
// its links play no part. A sentence without a complete linkage is parsed a second time with null
// links, which leave words out; the first word of every part that no link joins to LEFT-WALL is one
// more root. A sentence that cannot be parsed (too long, or over the time cap) is its runs of
// non-space, each of them a root. One thread per object.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "trainer/word_graph.h"

namespace sparsweep {

class LinkGrammar {
 public:
  // Processor seconds for one pass over one sentence.
  static constexpr int kSecondsPerPass = 5;

  // Refuses (kFailedPrecondition) where the library or the English dictionary is not installed, or
  // is not `wanted`: other versions parse differently.
  static Result<std::unique_ptr<LinkGrammar>> Load(const std::string& wanted);
  ~LinkGrammar();

  // One sentence; spans are bytes of it.
  ParsedText Parse(const std::string& sentence) const;

 private:
  struct Library;
  explicit LinkGrammar(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

// The graph of a sentence that was not parsed.
ParsedText Unparsed(const std::string& sentence);

// Gives every part of a graph that has no root its first word as one.
void RootEveryPart(ParsedText* text);

}  // namespace sparsweep
