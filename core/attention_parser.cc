// See attention_parser.h. Recursive descent; arguments of patterns are call_parser.cc's.
#include "core/attention_parser.h"

#include <algorithm>

#include "core/call_parser.h"
#include "core/caret.h"
#include "core/nearest.h"
#include "core/pattern_table.h"
#include "core/token_cursor.h"

namespace sparsweep {
namespace {

using Kind = Token::Kind;

constexpr std::string_view kReserved[] = {"all",    "first", "last", "layer",
                                          "layers", "head",  "heads"};

bool IsReserved(const Token& token) {
  return token.kind == Kind::kName &&
         std::find(std::begin(kReserved), std::end(kReserved), token.text) != std::end(kReserved);
}

// Recursive descent over the tokens. A method returns false after Fail, whose sentence and place
// are the answer; the first failure ends the parse.
class Parser {
 public:
  Parser(const Spliced& source, const PlanContext& context) : cursor_(source), context_(context) {}

  Result<std::vector<AttentionRule>> Parse() {
    if (cursor_.Now().kind == Kind::kEnd) {
      cursor_.Fail(cursor_.Now(),
                   "the attention text is empty; write a pattern such as dense or window(3)");
      return cursor_.error();
    }
    std::vector<AttentionRule> rules;
    while (true) {
      AttentionRule rule;
      if (!ParseRule(&rule)) return cursor_.error();
      rules.push_back(std::move(rule));
      if (cursor_.Now().kind == Kind::kEnd) return rules;
      if (!cursor_.Take(';')) {
        cursor_.Fail(cursor_.Now(),
                     cursor_.Now().Is(':')
                         ? "a scope stands at the beginning of its rule, once"
                         : "expected \"+\", \"&\", \";\" or the end, not " + Shown(cursor_.Now()));
        return cursor_.error();
      }
    }
  }

 private:
  bool ParseRule(AttentionRule* rule) {
    if (cursor_.Now().Is(';') || cursor_.Now().kind == Kind::kEnd) {
      return cursor_.Fail(cursor_.Now(), "a rule is empty; remove the \";\" too many");
    }
    factors_ = 0;
    rule->layers.assign(context_.layers, true);
    rule->heads.assign(context_.heads, true);
    if (IsReserved(cursor_.Now()) && !ParseScope(rule)) return false;
    return ParseUnion(&rule->pattern, 0);
  }

  bool ParseScope(AttentionRule* rule) {
    const Token first = cursor_.Now();
    const bool has_layers = first.text != "head" && first.text != "heads";
    if (has_layers && !ParseLayers(&rule->layers)) return false;
    if (cursor_.Now().IsName("head") || cursor_.Now().IsName("heads")) {
      if ((first.text == "first" || first.text == "last") && cursor_.Next().Is(':')) {
        return cursor_.Fail(cursor_.Now(),
                            "\"" + std::string(first.text) +
                                "\" counts layers, not heads; write heads by number, such as "
                                "\"heads 0-2:\"");
      }
      cursor_.Advance();
      if (!ParseRanges("head", context_.heads, &rule->heads)) return false;
    }
    if (cursor_.Take(':')) return true;
    if (cursor_.Now().IsName("layer") || cursor_.Now().IsName("layers")) {
      return cursor_.Fail(cursor_.Now(),
                          has_layers ? "\"first\" and \"last\" already count layers; leave \"" +
                                           std::string(cursor_.Now().text) + "\" out"
                                     : "in a scope the layers come before the heads");
    }
    return cursor_.Fail(cursor_.Now(),
                        "expected \":\" after the scope, not " + Shown(cursor_.Now()));
  }

  bool ParseLayers(std::vector<bool>* layers) {
    const Token word = cursor_.Now();
    cursor_.Advance();
    if (word.text == "all") return true;
    if (word.text != "first" && word.text != "last") {
      return ParseRanges("layer", context_.layers, layers);
    }
    const Token number = cursor_.Now();
    int count = 0;
    if (!cursor_.ParseWhole("the number of layers", &count)) return false;
    if (count == 0)
      return cursor_.Fail(number, std::string(word.text) + " 0 names no layer; write 1 or more");
    if (count > context_.layers) {
      return cursor_.Fail(number, std::string(word.text) + " " + std::to_string(count) +
                                      " is out of range: the model has " +
                                      Counted(context_.layers, "layer"));
    }
    const bool is_first = word.text == "first";
    for (int i = 0; i < context_.layers; ++i)
      (*layers)[i] = is_first ? i < count : i >= context_.layers - count;
    return true;
  }

  // `thing` is "layer" or "head"; the model has `count` of them.
  bool ParseRanges(const std::string& thing, int count, std::vector<bool>* chosen) {
    if (cursor_.Now().kind != Kind::kNumber && !cursor_.Now().Is('-') &&
        cursor_.Now().kind != Kind::kInvalid) {
      return cursor_.Fail(cursor_.Now(), "expected " + thing + " numbers such as \"" + thing +
                                             "s 0-2,5\", not " + Shown(cursor_.Now()));
    }
    chosen->assign(count, false);
    do {
      const Token start = cursor_.Now();
      int low = 0;
      if (!ParseIndex(thing, count, &low)) return false;
      int high = low;
      if (cursor_.Take('-') && !ParseIndex(thing, count, &high)) return false;
      if (high < low) {
        const std::string a = std::to_string(low), b = std::to_string(high);
        return cursor_.Fail(start,
                            "the range " + a + "-" + b + " is reversed; write " + b + "-" + a);
      }
      std::fill(chosen->begin() + low, chosen->begin() + high + 1, true);
    } while (cursor_.Take(','));
    return true;
  }

  bool ParseIndex(const std::string& thing, int count, int* index) {
    const Token token = cursor_.Now();
    if (!cursor_.ParseWhole("a " + thing, index)) return false;
    if (*index < count) return true;
    return cursor_.Fail(token, thing + " " + std::to_string(*index) +
                                   " is out of range: the model has " + Counted(count, thing) +
                                   ", numbered from 0");
  }

  bool ParseUnion(Pattern* pattern, int depth) {
    std::vector<Pattern> terms;
    std::vector<Token> places;
    do {
      places.push_back(cursor_.Now());
      if (!ParseIntersection(&terms.emplace_back(), depth)) return false;
    } while (cursor_.Take('+'));
    if (!CanStandTogether(terms, places)) return false;
    *pattern = terms.size() == 1 ? std::move(terms[0]) : Pattern{Union{std::move(terms)}};
    return true;
  }

  bool ParseIntersection(Pattern* pattern, int depth) {
    std::vector<Pattern> terms;
    std::vector<Token> places;
    do {
      places.push_back(cursor_.Now());
      if (!ParseFactor(&terms.emplace_back(), depth)) return false;
    } while (cursor_.Take('&'));
    if (!CanStandTogether(terms, places)) return false;
    *pattern = terms.size() == 1 ? std::move(terms[0]) : Pattern{Intersection{std::move(terms)}};
    return true;
  }

  // What is no set of entries has neither union nor intersection.
  bool CanStandTogether(const std::vector<Pattern>& terms, const std::vector<Token>& places) {
    if (terms.size() == 1) return true;
    for (size_t i = 0; i < terms.size(); ++i) {
      if (IsLearned(terms[i])) {
        return cursor_.Fail(places[i],
                            "a learned pattern stands alone in its rule: it weighs keys by their "
                            "distance and is no set of entries until training ends");
      }
      if (IsWeighted(terms[i])) {
        return cursor_.Fail(places[i],
                            "bigbird_block with exact=hf stands alone in its rule: it counts some "
                            "blocks more than once and is no set of entries; use exact=set");
      }
    }
    return true;
  }

  bool ParseFactor(Pattern* pattern, int depth) {
    const Token token = cursor_.Now();
    if (cursor_.Take('(')) {
      if (depth == kMaxNesting) return FailNesting(token);
      if (!ParseUnion(pattern, depth + 1)) return false;
      return cursor_.Take(')') ||
             cursor_.Fail(cursor_.Now(),
                          "expected \"+\", \"&\" or \")\", not " + Shown(cursor_.Now()));
    }
    if (token.kind == Kind::kAxis) {
      return cursor_.Fail(token,
                          Quoted(token.text) + " stands for an axis, but no axis value is given");
    }
    if (token.kind != Kind::kName) {
      return cursor_.Fail(token, "expected a pattern, not " + Shown(token));
    }
    if (IsReserved(token)) {
      return cursor_.Fail(
          token,
          Quoted(token.text) + " is reserved for scopes, which stand at the beginning of a rule");
    }
    const PatternRule* rule = FindPattern(token.text);
    if (rule == nullptr) {
      std::vector<std::string> names;
      for (const PatternRule& known : PatternTable()) names.push_back(known.name);
      return cursor_.Fail(token,
                          "unknown pattern " + Quoted(token.text) + DidYouMean(token.text, names));
    }
    if (!ParseCall(cursor_, *rule, context_, pattern)) return false;
    // bigbird is counted as what it is short for, so that canonical text is never beyond a limit.
    const auto* sum = pattern->As<Union>();
    factors_ += sum == nullptr ? 1 : static_cast<int>(sum->terms.size());
    if (factors_ > kMaxFactorsPerRule) {
      return cursor_.Fail(
          token, "a rule has more than " + std::to_string(kMaxFactorsPerRule) + " patterns");
    }
    return sum == nullptr || depth < kMaxNesting || FailNesting(token);
  }

  bool FailNesting(const Token& place) {
    return cursor_.Fail(
        place, "parentheses are nested more than " + std::to_string(kMaxNesting) + " deep");
  }

  TokenCursor cursor_;
  const PlanContext context_;
  int factors_ = 0;  // of the current rule
};

}  // namespace

Result<std::vector<AttentionRule>> ParseAttention(const Spliced& source,
                                                  const PlanContext& context) {
  if (source.text.size() > kMaxSourceBytes) {
    return InvalidArgument("the attention text is longer than " + std::to_string(kMaxSourceBytes) +
                           " bytes");
  }
  return Parser(source, context).Parse();
}

}  // namespace sparsweep
