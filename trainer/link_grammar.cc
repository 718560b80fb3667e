#include "trainer/link_grammar.h"

#include <dlfcn.h>
#include <link-grammar/link-includes.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "trainer/text.h"

namespace sparsweep {

// The functions that are used, by their names in the library.
#define SPARSWEEP_LINK_GRAMMAR_FUNCTIONS(F) \
  F(linkgrammar_get_version)                \
  F(linkgrammar_get_dict_version)           \
  F(lg_error_set_handler)                   \
  F(dictionary_create_lang)                 \
  F(dictionary_delete)                      \
  F(parse_options_create)                   \
  F(parse_options_delete)                   \
  F(parse_options_set_verbosity)            \
  F(parse_options_set_spell_guess)          \
  F(parse_options_set_max_parse_time)       \
  F(parse_options_set_min_null_count)       \
  F(parse_options_set_max_null_count)       \
  F(parse_options_reset_resources)          \
  F(parse_options_resources_exhausted)      \
  F(sentence_create)                        \
  F(sentence_delete)                        \
  F(sentence_split)                         \
  F(sentence_length)                        \
  F(sentence_parse)                         \
  F(sentence_num_valid_linkages)            \
  F(linkage_create)                         \
  F(linkage_delete)                         \
  F(linkage_get_num_words)                  \
  F(linkage_get_num_links)                  \
  F(linkage_get_link_lword)                 \
  F(linkage_get_link_rword)                 \
  F(linkage_get_word)                       \
  F(linkage_get_word_byte_start)            \
  F(linkage_get_word_byte_end)

struct LinkGrammar::Library {
#define SPARSWEEP_MEMBER(name) decltype(&::name) name = nullptr;
  SPARSWEEP_LINK_GRAMMAR_FUNCTIONS(SPARSWEEP_MEMBER)
#undef SPARSWEEP_MEMBER
  Dictionary dictionary = nullptr;
  Parse_Options options = nullptr;

  // False where the library lacks a function.
  bool Find(void* handle) {
#define SPARSWEEP_FIND(name)                                     \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, #name)); \
  if (name == nullptr) return false;
    SPARSWEEP_LINK_GRAMMAR_FUNCTIONS(SPARSWEEP_FIND)
#undef SPARSWEEP_FIND
    return true;
  }
};

namespace {

constexpr const char* kRemedy =
    "; install the Debian packages liblink-grammar5 and link-grammar-dictionaries-en, or give the "
    "task CoNLL-U files (\"parses\": \"conllu\")";

Status Refusal(const std::string& what) { return {StatusCode::kFailedPrecondition, what}; }

// The words of one linkage and its links, with the walls resolved.
template <typename Library>
ParsedText Graph(const Library& library, Linkage linkage) {
  constexpr int32_t kRoot = -1, kNone = -2;
  ParsedText text;
  const size_t count = library.linkage_get_num_words(linkage);
  std::vector<int32_t> node(count, kNone);
  for (size_t i = 0; i < count; ++i) {
    const std::string word = library.linkage_get_word(linkage, i);
    if (i == 0 && word == "LEFT-WALL") {
      node[i] = kRoot;
      continue;
    }
    if (i + 1 == count && word == "RIGHT-WALL") continue;
    const auto begin = static_cast<uint32_t>(library.linkage_get_word_byte_start(linkage, i));
    const auto end = static_cast<uint32_t>(library.linkage_get_word_byte_end(linkage, i));
    if (begin >= end) continue;
    // Two words over the same bytes are one.
    if (text.words.empty() || begin >= text.words.back().end) text.words.push_back({begin, end});
    node[i] = static_cast<int32_t>(text.words.size()) - 1;
  }
  const size_t links = library.linkage_get_num_links(linkage);
  for (size_t i = 0; i < links; ++i) {
    const int32_t left = node[library.linkage_get_link_lword(linkage, i)];
    const int32_t right = node[library.linkage_get_link_rword(linkage, i)];
    if (left == kNone || right == kNone || left == right) continue;
    if (left == kRoot) {
      text.roots.push_back(right);
    } else {
      text.edges.emplace_back(left, right);
    }
  }
  std::ranges::sort(text.edges);
  std::ranges::sort(text.roots);
  text.sentences = text.parsed = 1;
  RootEveryPart(&text);
  return text;
}

}  // namespace

LinkGrammar::LinkGrammar(std::unique_ptr<Library> library) : library_(std::move(library)) {}

LinkGrammar::~LinkGrammar() {
  if (library_->options) library_->parse_options_delete(library_->options);
  if (library_->dictionary) library_->dictionary_delete(library_->dictionary);
}

Result<std::unique_ptr<LinkGrammar>> LinkGrammar::Load(const std::string& wanted) {
  // Never unloaded: the library keeps state of its own.
  void* handle = dlopen("liblink-grammar.so.5", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Refusal("syntax needs parses, and the library link-grammar is not on this machine" +
                   std::string(kRemedy));
  }
  std::unique_ptr<LinkGrammar> parser(new LinkGrammar(std::make_unique<Library>()));
  Library& library = *parser->library_;
  if (!library.Find(handle)) {
    return Refusal("this machine's link-grammar is not a version 5.12" + std::string(kRemedy));
  }
  library.lg_error_set_handler(nullptr, nullptr);  // it would write to the trial's log
  library.dictionary = library.dictionary_create_lang("en");
  if (library.dictionary == nullptr) {
    return Refusal(
        "syntax needs parses, and link-grammar's English dictionary is not on this "
        "machine" +
        std::string(kRemedy));
  }
  const std::string found = std::string(library.linkgrammar_get_version()) + "-en-" +
                            library.linkgrammar_get_dict_version(library.dictionary);
  if (found != wanted) {
    return Refusal("the trial's parses are those of " + wanted + " and this machine has " + found +
                   "; install the former, or name the latter in the task (\"parses\": \"" + found +
                   "\"), which makes other trials of it");
  }
  library.options = library.parse_options_create();
  library.parse_options_set_verbosity(library.options, 0);
  // Guesses come from whatever spelling dictionaries a machine has.
  library.parse_options_set_spell_guess(library.options, 0);
  library.parse_options_set_max_parse_time(library.options, kSecondsPerPass);
  return parser;
}

ParsedText LinkGrammar::Parse(const std::string& text) const {
  const Library& library = *library_;
  Sentence sentence = library.sentence_create(text.c_str(), library.dictionary);
  if (sentence == nullptr) return Unparsed(text);
  bool found = false, capped = false;
  const auto pass = [&](int min_nulls, int max_nulls) {
    library.parse_options_set_min_null_count(library.options, min_nulls);
    library.parse_options_set_max_null_count(library.options, max_nulls);
    library.parse_options_reset_resources(library.options);
    found = library.sentence_parse(sentence, library.options) > 0 &&
            library.sentence_num_valid_linkages(sentence) > 0;
    capped = capped || library.parse_options_resources_exhausted(library.options);
  };
  if (library.sentence_split(sentence, library.options) >= 0) {
    pass(0, 0);
    if (!found) pass(1, library.sentence_length(sentence));
  }
  ParsedText graph;
  Linkage linkage = found ? library.linkage_create(0, sentence, library.options) : nullptr;
  if (linkage != nullptr) {
    graph = Graph(library, linkage);
    library.linkage_delete(linkage);
  } else {
    graph = Unparsed(text);
  }
  graph.capped = capped;
  library.sentence_delete(sentence);
  return graph;
}

ParsedText Unparsed(const std::string& sentence) {
  ParsedText text;
  const std::string_view whole = sentence;
  const auto offset = [&](std::string_view rest) {
    return static_cast<uint32_t>(whole.size() - rest.size());
  };
  for (std::string_view rest = TrimStart(whole); !rest.empty(); rest = TrimStart(rest)) {
    const uint32_t begin = offset(rest);
    while (!rest.empty() && TrimStart(rest).size() == rest.size())
      rest.remove_prefix(FirstSize(rest));
    text.roots.push_back(static_cast<int32_t>(text.words.size()));
    text.words.push_back({begin, offset(rest)});
  }
  text.sentences = 1;
  return text;
}

void RootEveryPart(ParsedText* text) {
  std::vector<int32_t> part(text->words.size());
  std::iota(part.begin(), part.end(), 0);
  const auto find = [&](int32_t word) {
    while (part[word] != word) word = part[word] = part[part[word]];
    return word;
  };
  // The first word of a part stands for it.
  for (const auto& [a, b] : text->edges) {
    const int32_t one = find(a), other = find(b);
    part[std::max(one, other)] = std::min(one, other);
  }
  std::vector<bool> rooted(part.size());
  for (int32_t root : text->roots) rooted[find(root)] = true;
  for (int32_t word = 0; word < static_cast<int32_t>(part.size()); ++word) {
    if (find(word) == word && !rooted[word]) text->roots.push_back(word);
  }
  std::ranges::sort(text->roots);
  const auto repeated = std::ranges::unique(text->roots);
  text->roots.erase(repeated.begin(), repeated.end());
}

}  // namespace sparsweep
