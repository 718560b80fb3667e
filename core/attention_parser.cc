#include "core/attention_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include "core/caret.h"
#include "core/lexer.h"
#include "core/nearest.h"
#include "core/pattern_table.h"

namespace sparsweep {
namespace {

using Kind = Token::Kind;

constexpr std::string_view kReserved[] = {"all",   "first",  "last", "layer",
                                          "layers", "head", "heads"};

bool IsReserved(const Token& token) {
  return token.kind == Kind::kName &&
         std::find(std::begin(kReserved), std::end(kReserved), token.text) != std::end(kReserved);
}

std::string Shown(const Token& token) {
  return token.kind == Kind::kEnd ? "the end" : Quoted(token.text);
}

// Recursive descent over the tokens. A method returns false after Fail, whose sentence and place
// are the answer; the first failure ends the parse.
class Parser {
 public:
  Parser(const Spliced& source, int layers, int heads)
      : source_(source), layers_(layers), heads_(heads), tokens_(Tokenize(source.text)) {}

  Result<std::vector<AttentionRule>> Parse() {
    if (Now().kind == Kind::kEnd) {
      Fail(Now(), "the attention text is empty; write a pattern such as dense or window(3)");
      return error_;
    }
    std::vector<AttentionRule> rules;
    while (true) {
      AttentionRule rule;
      if (!ParseRule(&rule)) return error_;
      rules.push_back(std::move(rule));
      if (Now().kind == Kind::kEnd) return rules;
      if (!Take(';')) {
        Fail(Now(), Now().Is(':') ? "a scope stands at the beginning of its rule, once"
                                  : "expected \"+\", \"&\", \";\" or the end, not " + Shown(Now()));
        return error_;
      }
    }
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool Take(char symbol) {
    if (!Now().Is(symbol)) return false;
    ++at_;
    return true;
  }
  bool Fail(const Token& place, const std::string& sentence) {
    error_ = RefuseAt(source_, place.offset, sentence);
    return false;
  }

  bool ParseRule(AttentionRule* rule) {
    if (Now().Is(';') || Now().kind == Kind::kEnd) {
      return Fail(Now(), "a rule is empty; remove the \";\" too many");
    }
    factors_ = 0;
    rule->layers.assign(layers_, true);
    rule->heads.assign(heads_, true);
    if (IsReserved(Now()) && !ParseScope(rule)) return false;
    return ParseUnion(&rule->pattern, 0);
  }

  bool ParseScope(AttentionRule* rule) {
    const Token first = Now();
    const bool has_layers = first.text != "head" && first.text != "heads";
    if (has_layers && !ParseLayers(&rule->layers)) return false;
    if (Now().IsName("head") || Now().IsName("heads")) {
      if ((first.text == "first" || first.text == "last") && Next().Is(':')) {
        return Fail(Now(), "\"" + std::string(first.text) +
                               "\" counts layers, not heads; write heads by number, such as "
                               "\"heads 0-2:\"");
      }
      ++at_;
      if (!ParseRanges("head", heads_, &rule->heads)) return false;
    }
    if (Take(':')) return true;
    if (Now().IsName("layer") || Now().IsName("layers")) {
      return Fail(Now(), has_layers ? "\"first\" and \"last\" already count layers; leave \"" +
                                          std::string(Now().text) + "\" out"
                                    : "in a scope the layers come before the heads");
    }
    return Fail(Now(), "expected \":\" after the scope, not " + Shown(Now()));
  }

  bool ParseLayers(std::vector<bool>* layers) {
    const Token word = Now();
    ++at_;
    if (word.text == "all") return true;
    if (word.text != "first" && word.text != "last") {
      return ParseRanges("layer", layers_, layers);
    }
    const Token number = Now();
    int count = 0;
    if (!ParseWhole("the number of layers", &count)) return false;
    if (count == 0) return Fail(number, std::string(word.text) + " 0 names no layer; write 1 or more");
    if (count > layers_) {
      return Fail(number, std::string(word.text) + " " + std::to_string(count) +
                              " is out of range: the model has " + Counted(layers_, "layer"));
    }
    const bool is_first = word.text == "first";
    for (int i = 0; i < layers_; ++i) (*layers)[i] = is_first ? i < count : i >= layers_ - count;
    return true;
  }

  // `thing` is "layer" or "head"; the model has `count` of them.
  bool ParseRanges(const std::string& thing, int count, std::vector<bool>* chosen) {
    if (Now().kind != Kind::kNumber && !Now().Is('-') && Now().kind != Kind::kInvalid) {
      return Fail(Now(), "expected " + thing + " numbers such as \"" + thing + "s 0-2,5\", not " +
                             Shown(Now()));
    }
    chosen->assign(count, false);
    do {
      const Token start = Now();
      int low = 0;
      if (!ParseIndex(thing, count, &low)) return false;
      int high = low;
      if (Take('-') && !ParseIndex(thing, count, &high)) return false;
      if (high < low) {
        const std::string a = std::to_string(low), b = std::to_string(high);
        return Fail(start, "the range " + a + "-" + b + " is reversed; write " + b + "-" + a);
      }
      std::fill(chosen->begin() + low, chosen->begin() + high + 1, true);
    } while (Take(','));
    return true;
  }

  bool ParseIndex(const std::string& thing, int count, int* index) {
    const Token token = Now();
    if (!ParseWhole("a " + thing, index)) return false;
    if (*index < count) return true;
    return Fail(token, thing + " " + std::to_string(*index) + " is out of range: the model has " +
                           Counted(count, thing) + ", numbered from 0");
  }

  static std::string Counted(int count, const std::string& thing) {
    return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
  }

  bool ParseUnion(Pattern* pattern, int depth) {
    std::vector<Pattern> terms;
    do {
      if (!ParseIntersection(&terms.emplace_back(), depth)) return false;
    } while (Take('+'));
    *pattern = terms.size() == 1 ? std::move(terms[0]) : Pattern{Union{std::move(terms)}};
    return true;
  }

  bool ParseIntersection(Pattern* pattern, int depth) {
    std::vector<Pattern> terms;
    do {
      if (!ParseFactor(&terms.emplace_back(), depth)) return false;
    } while (Take('&'));
    *pattern = terms.size() == 1 ? std::move(terms[0]) : Pattern{Intersection{std::move(terms)}};
    return true;
  }

  bool ParseFactor(Pattern* pattern, int depth) {
    const Token token = Now();
    if (++factors_ > kMaxFactorsPerRule) {
      return Fail(token, "a rule has more than " + std::to_string(kMaxFactorsPerRule) + " patterns");
    }
    if (Take('(')) {
      if (depth == kMaxNesting) {
        return Fail(token, "parentheses are nested more than " + std::to_string(kMaxNesting) +
                               " deep");
      }
      if (!ParseUnion(pattern, depth + 1)) return false;
      return Take(')') || Fail(Now(), "expected \"+\", \"&\" or \")\", not " + Shown(Now()));
    }
    if (token.kind == Kind::kAxis) {
      return Fail(token, Quoted(token.text) + " stands for an axis, but no axis value is given");
    }
    if (token.kind != Kind::kName) return Fail(token, "expected a pattern, not " + Shown(token));
    if (IsReserved(token)) {
      return Fail(token, Quoted(token.text) +
                             " is reserved for scopes, which stand at the beginning of a rule");
    }
    const PatternRule* rule = FindPattern(token.text);
    if (rule == nullptr) {
      std::vector<std::string> names;
      for (const PatternRule& known : PatternTable()) names.push_back(known.name);
      return Fail(token, "unknown pattern " + Quoted(token.text) + DidYouMean(token.text, names));
    }
    if (rule->make == nullptr) {
      return Fail(token, "pattern \"" + rule->name + "\" is not available yet in this version");
    }
    ++at_;
    return ParseCall(token, *rule, pattern);
  }

  bool ParseCall(const Token& name, const PatternRule& rule, Pattern* pattern) {
    std::vector<std::optional<ArgumentValue>> given(rule.arguments.size());
    Token first_value = name;
    if (Take('(') && !Take(')')) {
      bool named_before = false;
      size_t position = 0;
      first_value = Now();
      do {
        if (!ParseArgument(rule, position++, &named_before, &given)) return false;
      } while (Take(','));
      if (!Take(')')) return Fail(Now(), "expected \",\" or \")\", not " + Shown(Now()));
    }
    std::vector<ArgumentValue> values(given.size());
    for (size_t i = 0; i < given.size(); ++i) {
      const ArgumentRule& argument = rule.arguments[i];
      if (!given[i] && !argument.fallback) {
        return Fail(name, rule.name + " needs " + argument.name + "; write " + Usage(rule));
      }
      values[i] = given[i] ? *std::move(given[i]) : ArgumentValue{*argument.fallback};
    }
    *pattern = rule.make(values);
    const auto* blockbert = pattern->As<BlockBert>();
    return blockbert == nullptr || CheckParts(first_value, blockbert->parts);
  }

  bool CheckParts(const Token& place, const std::vector<int>& parts) {
    const int64_t sum = std::accumulate(parts.begin(), parts.end(), int64_t{0});
    if (sum == heads_) return true;
    return Fail(place, "the parts of blockbert sum to " + std::to_string(sum) +
                           ", but the model has " + Counted(heads_, "head"));
  }

  bool ParseArgument(const PatternRule& rule, size_t position, bool* named_before,
                     std::vector<std::optional<ArgumentValue>>* given) {
    const Token place = Now();
    size_t index = position;
    bool is_density = false;
    if (place.kind == Kind::kName && Next().Is('=')) {
      *named_before = true;
      is_density = place.text == "density" && rule.takes_density;
      if (is_density) {
        index = 0;
      } else if (!FindArgument(rule, place, &index)) {
        return false;
      }
      at_ += 2;
    } else if (*named_before) {
      return Fail(place, "an argument without a name cannot follow one with a name");
    }
    if (index >= rule.arguments.size()) {
      return Fail(place, rule.arguments.empty()
                             ? rule.name + " takes no arguments"
                             : rule.name + " takes no more than " +
                                   Counted(static_cast<int>(rule.arguments.size()), "argument") +
                                   ": " + Usage(rule));
    }
    const ArgumentRule& argument = rule.arguments[index];
    std::optional<ArgumentValue>& slot = (*given)[index];
    if (slot) {
      const bool had_density = std::holds_alternative<Density>(*slot);
      if (had_density == is_density) {
        return Fail(place, (is_density ? "density" : argument.name) + " is given twice");
      }
      return Fail(place, "density stands for " + argument.name + "; give one of them");
    }
    slot.emplace();
    if (is_density) return ParseDensity(&slot->emplace<Density>());
    switch (argument.type) {
      case ArgumentRule::Type::kWhole:
        return ParseWholeArgument(argument, &slot->emplace<int>());
      case ArgumentRule::Type::kParts:
        return ParseParts(argument, &slot->emplace<std::vector<int>>());
      case ArgumentRule::Type::kChoice:
        return ParseChoice(argument, &slot->emplace<int>());
    }
    return false;  // not reached
  }

  bool FindArgument(const PatternRule& rule, const Token& name, size_t* index) {
    std::vector<std::string> names;
    for (*index = 0; *index < rule.arguments.size(); ++*index) {
      if (rule.arguments[*index].name == name.text) return true;
      names.push_back(rule.arguments[*index].name);
    }
    if (rule.arguments.empty()) return Fail(name, rule.name + " takes no arguments");
    if (rule.takes_density) names.push_back("density");
    return Fail(name, rule.name + " has no argument " + Quoted(name.text) +
                          DidYouMean(name.text, names));
  }

  bool ParseWholeArgument(const ArgumentRule& argument, int* value) {
    const Token place = Now();
    if (!ParseWhole(argument.name, value)) return false;
    if (Now().Is(':')) return Fail(Now(), argument.name + " is one whole number, not parts");
    if (*value >= argument.minimum) return true;
    return Fail(place, argument.name + " must be at least " + std::to_string(argument.minimum));
  }

  bool ParseParts(const ArgumentRule& argument, std::vector<int>* parts) {
    do {
      if (!ParseWhole("each of the " + argument.name, &parts->emplace_back())) return false;
    } while (Take(':'));
    return true;
  }

  bool ParseChoice(const ArgumentRule& argument, int* value) {
    const Token token = Now();
    const auto found = std::find(argument.choices.begin(), argument.choices.end(), token.text);
    if (token.kind != Kind::kName || found == argument.choices.end()) {
      std::string choices;
      for (size_t i = 0; i < argument.choices.size(); ++i) {
        choices += (i == 0 ? "" : i + 1 < argument.choices.size() ? ", " : " or ") +
                   argument.choices[i];
      }
      return Fail(token, argument.name + " is " + choices + ", not " + Shown(token));
    }
    if (*found == argument.later) {
      return Fail(token, argument.name + "=" + *found + " is not available yet in this version");
    }
    *value = static_cast<int>(found - argument.choices.begin());
    ++at_;
    return true;
  }

  // `what` is the subject of the sentence where it is no number at all.
  bool ParseWhole(const std::string& what, int* value) {
    const Token token = Now();
    if (token.Is('-')) return Fail(token, "numbers have no sign here; " + what + " is 0 or more");
    if (token.kind == Kind::kAxis) {
      return Fail(token, Quoted(token.text) + " stands for an axis, but no axis value is given");
    }
    if (token.kind != Kind::kNumber) {
      const bool looks_like_number = token.kind == Kind::kInvalid && !token.text.empty() &&
                                     (token.text[0] == '.' || IsWordCharacter(token.text[0]));
      if (looks_like_number) return Fail(token, Printed(token) + " is not a whole number");
      return Fail(token, what + " must be a whole number, not " + Shown(token));
    }
    if (token.text.find('.') != std::string_view::npos) {
      return Fail(token, Printed(token) + " is not a whole number");
    }
    const char* end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, *value).ec != std::errc()) {
      return Fail(token, Printed(token) + " is too large; the largest number is " +
                             std::to_string(std::numeric_limits<int>::max()));
    }
    ++at_;
    return true;
  }

  // The token without quotes, cut where it is long.
  static std::string Printed(const Token& token) {
    const std::string quoted = Quoted(token.text);
    return quoted.substr(1, quoted.size() - 2);
  }

  bool ParseDensity(Density* density) {
    const Token token = Now();
    if (token.kind != Kind::kNumber) {
      return Fail(token, "density must be a plain decimal number from 0 to 1, not " + Shown(token));
    }
    const size_t point = std::min(token.text.find('.'), token.text.size());
    std::string_view whole = token.text.substr(0, point);
    std::string_view fraction = token.text.substr(std::min(point + 1, token.text.size()));
    whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
    fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
    if (whole.size() > 1 || (whole == "1" && !fraction.empty()) || whole > "1") {
      return Fail(token, "density " + Printed(token) + " is not between 0 and 1");
    }
    if (fraction.size() > 18) {
      return Fail(token, "density " + Printed(token) + " has more than 18 decimals");
    }
    std::string units = std::string(whole) + std::string(fraction);
    units.append(18 - fraction.size(), '0');
    std::from_chars(units.data(), units.data() + units.size(), density->units);
    ++at_;
    return true;
  }

  const Spliced& source_;
  const int layers_;
  const int heads_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  int factors_ = 0;  // of the current rule
  Status error_;
};

}  // namespace

Result<std::vector<AttentionRule>> ParseAttention(const Spliced& source, int layers, int heads) {
  if (source.text.size() > kMaxSourceBytes) {
    return InvalidArgument("the attention text is longer than " + std::to_string(kMaxSourceBytes) +
                           " bytes");
  }
  return Parser(source, layers, heads).Parse();
}

}  // namespace sparsweep
