// See splice.h.
#include "core/splice.h"

#include <algorithm>
#include <set>

#include "core/caret.h"
#include "core/lexer.h"
#include "core/nearest.h"

namespace sparsweep {
namespace {

using Kind = Token::Kind;

// What an axis stands for where it stands, as far as parentheses are concerned.
enum class Place { kValueOrScope, kPartOfPattern, kWholePattern };

// For each token the index of the last ':' outside parentheses in its rule, or 0.
std::vector<size_t> LastColons(const std::vector<Token>& tokens) {
  std::vector<size_t> colons(tokens.size());
  size_t rule_start = 0, colon = 0;
  int depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].Is('(')) ++depth;
    if (tokens[i].Is(')')) --depth;
    if (tokens[i].Is(':') && depth == 0) colon = i;
    if (tokens[i].kind == Kind::kEnd || tokens[i].Is(';')) {
      std::fill(colons.begin() + rule_start, colons.begin() + i + 1, colon);
      rule_start = i + 1;
      colon = 0;
      depth = 0;
    }
  }
  return colons;
}

std::vector<Place> Places(const std::vector<Token>& tokens) {
  const std::vector<size_t> last_colons = LastColons(tokens);
  std::vector<Place> places(tokens.size(), Place::kValueOrScope);
  std::vector<bool> in_call;  // one for each open parenthesis: whether it holds arguments
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool at_start = i == 0 || tokens[i - 1].Is(';');
    if (tokens[i].Is(';')) in_call.clear();
    if (tokens[i].Is('(')) in_call.push_back(!at_start && tokens[i - 1].kind == Kind::kName);
    if (tokens[i].Is(')') && !in_call.empty()) in_call.pop_back();
    if (tokens[i].kind != Kind::kAxis || i < last_colons[i]) continue;
    if (!in_call.empty() && in_call.back()) continue;
    const bool starts = at_start || (tokens[i - 1].Is(':') && in_call.empty());
    const bool ends = tokens[i + 1].kind == Kind::kEnd || tokens[i + 1].Is(';');
    if (starts && ends) {
      places[i] = Place::kWholePattern;
    } else if (starts || tokens[i - 1].Is('+') || tokens[i - 1].Is('&') || tokens[i - 1].Is('(')) {
      places[i] = Place::kPartOfPattern;
    }
  }
  return places;
}

// Whether each parenthesis has its partner.
bool IsBalanced(const std::vector<Token>& tokens) {
  int depth = 0;
  for (const Token& token : tokens) {
    if (token.Is('(')) ++depth;
    if (token.Is(')') && --depth < 0) return false;
  }
  return depth == 0;
}

// Whether parentheses around a balanced value change nothing but its looks: NAME or NAME(...).
bool IsOneFactor(const std::vector<Token>& value) {
  if (value[0].kind != Kind::kName) return false;
  int depth = 0;
  for (size_t i = 1; i + 1 < value.size(); ++i) {
    if (depth == 0 && !(i == 1 && value[i].Is('('))) return false;
    if (value[i].Is('(')) ++depth;
    if (value[i].Is(')')) --depth;
  }
  return true;
}

bool IsWordPart(char c) { return IsWordCharacter(c) || c == '.'; }

// Why `value` cannot be spliced, or an empty text.
std::string Objection(const std::vector<Token>& value, const std::string& name, bool is_template) {
  if (value.size() == 1) return "the value is empty";
  for (const Token& token : value) {
    if (token.kind == Kind::kAxis) {
      return "a value cannot name an axis itself, as " + Quoted(token.text) + " does";
    }
    if (token.Is(';') && !is_template) {
      return "a value with \";\" is legal only where the attention is exactly \"$" + name + "\"";
    }
  }
  if (!is_template && !IsBalanced(value)) return "the value does not close its parentheses";
  return {};
}

}  // namespace

Result<Spliced> Splice(std::string_view attention,
                       const std::map<std::string, std::string>& values) {
  const auto refuse = [attention](const Token& token, const std::string& sentence) {
    return RefuseAt({std::string(attention), {}}, token.offset, sentence);
  };
  if (attention.size() > kMaxSourceBytes) {
    return InvalidArgument("the attention text is longer than " + std::to_string(kMaxSourceBytes) +
                           " bytes");
  }
  const std::vector<Token> tokens = Tokenize(attention);
  const std::vector<Place> places = Places(tokens);
  const bool is_template = tokens.size() == 2;  // one token and the end

  Spliced spliced;
  std::string& text = spliced.text;
  size_t copied = 0;  // bytes of the template that are in `text`
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind != Kind::kAxis) continue;
    const std::string name(token.text.substr(1));
    const auto found = values.find(name);
    if (found == values.end()) {
      std::vector<std::string> known;
      for (const auto& [axis, value] : values) known.push_back(axis);
      return refuse(token, "there is no axis " + Quoted(name) + DidYouMean(name, known));
    }
    const std::string& value = found->second;
    const std::vector<Token> value_tokens = Tokenize(value);
    const std::string objection = Objection(value_tokens, name, is_template);
    if (!objection.empty()) return refuse(token, "axis " + Quoted(name) + ": " + objection);

    text += attention.substr(copied, token.offset - copied);
    copied = token.offset + token.text.size();
    const bool parenthesise = places[i] == Place::kPartOfPattern &&
                              !(IsOneFactor(value_tokens) && !tokens[i + 1].Is('('));
    // Tokens never grow together: `1$w` with the value 2 is two numbers, not 12.
    if (!text.empty() && IsWordPart(text.back()) && IsWordPart(value.front())) text += ' ';
    const size_t begin = text.size();
    text += parenthesise ? "(" + value + ")" : value;
    // What is missing at the end of a whole rule is missing in the value.
    const size_t end = text.size() + (places[i] == Place::kWholePattern ? 1 : 0);
    spliced.spans.push_back({begin, end, name});
    if (copied < attention.size() && IsWordPart(text.back()) && IsWordPart(attention[copied])) {
      text += ' ';
    }
    if (text.size() > kMaxSourceBytes) {
      return refuse(token, "the attention text with its axis values is longer than " +
                               std::to_string(kMaxSourceBytes) + " bytes");
    }
  }
  text += attention.substr(copied);
  return spliced;
}

std::vector<std::string> AxesUsed(std::string_view attention) {
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  for (const Token& token : Tokenize(attention)) {
    if (token.kind != Kind::kAxis || !seen.insert(token.text).second) continue;
    names.emplace_back(token.text.substr(1));
  }
  return names;
}

Status RefuseAt(const Spliced& source, size_t offset, const std::string& sentence) {
  std::string message = sentence;
  for (const AxisSpan& span : source.spans) {
    if (span.begin <= offset && offset < span.end) {
      message = "axis " + Quoted(span.axis) + ": " + sentence;
      break;
    }
  }
  return InvalidArgument(message + CaretLines(source.text, offset));
}

}  // namespace sparsweep
