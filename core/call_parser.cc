// See call_parser.h.
#include "core/call_parser.h"

#include <algorithm>

#include "core/caret.h"
#include "core/nearest.h"

namespace sparsweep {
namespace {

using Kind = Token::Kind;

// A method returns false after TokenCursor::Fail.
class CallParser {
 public:
  CallParser(TokenCursor& cursor, const PlanContext& context)
      : cursor_(cursor), context_(context) {}

  bool Parse(const PatternRule& rule, Pattern* pattern) {
    const Token name = cursor_.Now();
    cursor_.Advance();
    std::vector<std::optional<ArgumentValue>> given(rule.arguments.size());
    Token first_value = name;
    if (cursor_.Take('(') && !cursor_.Take(')')) {
      bool named_before = false;
      size_t position = 0;
      first_value = cursor_.Now();
      do {
        if (!ParseArgument(rule, position++, &named_before, &given)) return false;
      } while (cursor_.Take(','));
      if (!cursor_.Take(')')) {
        return cursor_.Fail(cursor_.Now(), "expected \",\" or \")\", not " + Shown(cursor_.Now()));
      }
    }
    std::vector<ArgumentValue> values(given.size());
    for (size_t i = 0; i < given.size(); ++i) {
      const ArgumentRule& argument = rule.arguments[i];
      if (!given[i] && !argument.fallback && argument.computed.empty()) {
        return cursor_.Fail(name, rule.name + " needs " + argument.name + "; write " + Usage(rule));
      }
      if (given[i]) {
        values[i] = *std::move(given[i]);
      } else if (argument.fallback) {
        values[i] = *argument.fallback;
      }
    }
    *pattern = rule.make(values);
    if (rule.refusal == nullptr) return true;
    const std::string refusal = rule.refusal(*pattern, context_);
    return refusal.empty() || cursor_.Fail(first_value, refusal);
  }

 private:
  bool ParseArgument(const PatternRule& rule, size_t position, bool* named_before,
                     std::vector<std::optional<ArgumentValue>>* given) {
    const Token place = cursor_.Now();
    size_t index = position;
    std::string stand_in;  // what is given in place of the first argument
    if (place.kind == Kind::kName && cursor_.Next().Is('=')) {
      *named_before = true;
      if ((place.text == "density" && rule.takes_density) ||
          (place.text == "threshold" && rule.takes_threshold)) {
        stand_in = place.text;
        index = 0;
      } else if (!FindArgument(rule, place, &index)) {
        return false;
      }
      cursor_.Advance();
      cursor_.Advance();
    } else if (*named_before) {
      return cursor_.Fail(place, "an argument without a name cannot follow one with a name");
    }
    if (index >= rule.arguments.size()) {
      return cursor_.Fail(
          place, rule.arguments.empty()
                     ? rule.name + " takes no arguments"
                     : rule.name + " takes no more than " +
                           Counted(static_cast<int>(rule.arguments.size()), "argument") + ": " +
                           Usage(rule));
    }
    const ArgumentRule& argument = rule.arguments[index];
    std::optional<ArgumentValue>& slot = (*given)[index];
    if (slot) {
      const std::string before = std::holds_alternative<Density>(*slot)     ? "density"
                                 : std::holds_alternative<Threshold>(*slot) ? "threshold"
                                                                            : "";
      if (before == stand_in) {
        return cursor_.Fail(place, (before.empty() ? argument.name : before) + " is given twice");
      }
      if (!before.empty() && !stand_in.empty()) {
        return cursor_.Fail(
            place, before + " and " + stand_in + " both stand for " + argument.name + "; give one");
      }
      return cursor_.Fail(
          place, before + stand_in + " stands for " + argument.name + "; give one of them");
    }
    slot.emplace();
    if (stand_in == "density") {
      return cursor_.ParseShare(stand_in, &slot->emplace<Density>().units);
    }
    if (stand_in == "threshold") {
      return cursor_.ParseShare(stand_in, &slot->emplace<Threshold>().units);
    }
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
    if (rule.arguments.empty()) return cursor_.Fail(name, rule.name + " takes no arguments");
    if (rule.takes_density) names.push_back("density");
    if (rule.takes_threshold) names.push_back("threshold");
    return cursor_.Fail(
        name, rule.name + " has no argument " + Quoted(name.text) + DidYouMean(name.text, names));
  }

  bool ParseWholeArgument(const ArgumentRule& argument, int* value) {
    const Token place = cursor_.Now();
    if (!cursor_.ParseWhole(argument.name, value)) return false;
    if (cursor_.Now().Is(':')) {
      return cursor_.Fail(cursor_.Now(), argument.name + " is one whole number, not parts");
    }
    if (*value >= argument.minimum) return true;
    return cursor_.Fail(place,
                        argument.name + " must be at least " + std::to_string(argument.minimum));
  }

  bool ParseParts(const ArgumentRule& argument, std::vector<int>* parts) {
    do {
      if (!cursor_.ParseWhole("each of the " + argument.name, &parts->emplace_back())) return false;
    } while (cursor_.Take(':'));
    return true;
  }

  bool ParseChoice(const ArgumentRule& argument, int* value) {
    const Token token = cursor_.Now();
    const auto found = std::find(argument.choices.begin(), argument.choices.end(), token.text);
    if (token.kind != Kind::kName || found == argument.choices.end()) {
      std::string choices;
      for (size_t i = 0; i < argument.choices.size(); ++i) {
        choices += (i == 0                            ? ""
                    : i + 1 < argument.choices.size() ? ", "
                                                      : " or ") +
                   argument.choices[i];
      }
      return cursor_.Fail(token, argument.name + " is " + choices + ", not " + Shown(token));
    }
    *value = static_cast<int>(found - argument.choices.begin());
    cursor_.Advance();
    return true;
  }

  TokenCursor& cursor_;
  const PlanContext& context_;
};

}  // namespace

bool ParseCall(TokenCursor& cursor, const PatternRule& rule, const PlanContext& context,
               Pattern* pattern) {
  return CallParser(cursor, context).Parse(rule, pattern);
}

}  // namespace sparsweep
