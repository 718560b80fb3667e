// See where.h.
#include "core/where.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/nearest.h"

namespace sparsweep {

// Recursive descent, one function per line of the grammar. The first error wins; after it every
// function returns without reading on.
class WhereParser {
 public:
  WhereParser(const std::string& text, const std::vector<Axis>& axes) : text_(text), axes_(axes) {}

  Result<Where> Run() {
    where_.text_ = text_;
    Next();
    where_.root_ = Or();
    if (error_.empty() && kind_ != Kind::kEnd) Fail("unexpected " + Shown());
    if (!error_.empty()) return InvalidArgument(error_);
    return std::move(where_);
  }

 private:
  using Op = Where::Op;
  enum class Kind { kEnd, kNumber, kString, kName, kSymbol };

  void Fail(const std::string& what) {
    if (error_.empty()) {
      error_ = "column " + std::to_string(start_ + 1) + " of '" + text_ + "': " + what;
    }
    kind_ = Kind::kEnd;
  }
  std::string Shown() const {
    return kind_ == Kind::kEnd ? "end of the expression" : "'" + token_ + "'";
  }
  bool Is(const char* token) const {
    return (kind_ == Kind::kSymbol || kind_ == Kind::kName) && token_ == token;
  }

  void Next() {
    if (!error_.empty()) return;
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    start_ = at_;
    kind_ = Kind::kEnd;
    token_.clear();
    if (at_ == text_.size()) return;
    const char c = text_[at_];
    if (std::isdigit(static_cast<unsigned char>(c)) || c == '.') {
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), number_);
      if (error != std::errc()) return Fail("this is no number");
      Take(Kind::kNumber, end - (text_.data() + at_));
    } else if (std::isalpha(static_cast<unsigned char>(c)) || c == '_') {
      size_t length = 1;
      while (at_ + length < text_.size() &&
             (std::isalnum(static_cast<unsigned char>(text_[at_ + length])) ||
              text_[at_ + length] == '_')) {
        ++length;
      }
      Take(Kind::kName, length);
    } else if (c == '"' || c == '\'') {
      const size_t close = text_.find(c, at_ + 1);
      if (close == std::string::npos) return Fail("the string has no end");
      token_ = text_.substr(at_ + 1, close - at_ - 1);
      kind_ = Kind::kString;
      at_ = close + 1;
    } else {
      for (const char* two : {"==", "!=", "<=", ">="}) {
        if (text_.compare(at_, 2, two) == 0) return Take(Kind::kSymbol, 2);
      }
      if (std::string_view("<>+-*/%()[],").find(c) != std::string_view::npos) {
        return Take(Kind::kSymbol, 1);
      }
      Fail(c == '='   ? "use == to compare"
           : c == '$' ? "axes stand without $ here"
                      : std::string("unexpected '") + c + "'");
    }
  }
  void Take(Kind kind, size_t length) {
    kind_ = kind;
    token_ = text_.substr(at_, length);
    at_ += length;
  }

  int Add(Op op, size_t column, std::vector<int> children) {
    where_.nodes_.push_back({op, static_cast<int>(column) + 1, std::move(children), 0, 0.0});
    return static_cast<int>(where_.nodes_.size()) - 1;
  }

  // A chain of binary operators of one level.
  template <typename Operand>
  int Chain(const std::vector<std::pair<const char*, Op>>& operators, Operand operand) {
    int left = operand();
    for (bool found = true; found;) {
      found = false;
      for (const auto& [token, op] : operators) {
        if (!Is(token)) continue;
        const size_t column = start_;
        Next();
        left = Add(op, column, {left, operand()});
        found = true;
        break;
      }
    }
    return left;
  }

  int Or() {
    if (++depth_ > 100) Fail("the expression is nested too deeply");
    const int node = Chain({{"or", Op::kOr}}, [&] { return And(); });
    --depth_;
    return node;
  }
  int And() {
    return Chain({{"and", Op::kAnd}}, [&] { return Not(); });
  }
  int Not() {
    if (!Is("not")) return Compare();
    const size_t column = start_;
    if (++depth_ > 100) Fail("the expression is nested too deeply");
    Next();
    const int operand = Not();
    --depth_;
    return Add(Op::kNot, column, {operand});
  }
  int Compare() {
    static const std::vector<std::pair<const char*, Op>> kOperators = {
        {"==", Op::kEqual},     {"!=", Op::kNotEqual}, {"<", Op::kLess},
        {"<=", Op::kLessEqual}, {">", Op::kGreater},   {">=", Op::kGreaterEqual}};
    const int left = Sum();
    const size_t column = start_;
    if (Is("in")) return In(left, column);
    for (const auto& [token, op] : kOperators) {
      if (!Is(token)) continue;
      Next();
      const int node = Add(op, column, {left, Sum()});
      for (const auto& [again, unused] : kOperators) {
        if (Is(again)) Fail("comparisons do not chain; join them with 'and'");
      }
      return node;
    }
    return left;
  }
  int In(int value, size_t column) {
    std::vector<int> children = {value};
    Next();
    if (!Is("[")) Fail("'in' needs a list such as [1, 2]");
    do {
      Next();
      children.push_back(Sum());
    } while (Is(","));
    if (!Is("]")) Fail("expected ] after the list, found " + Shown());
    Next();
    return Add(Op::kIn, column, std::move(children));
  }
  int Sum() {
    return Chain({{"+", Op::kAdd}, {"-", Op::kSubtract}}, [&] { return Product(); });
  }
  int Product() {
    return Chain({{"*", Op::kMultiply}, {"/", Op::kDivide}, {"%", Op::kRemainder}},
                 [&] { return Unary(); });
  }
  int Unary() {
    const size_t column = start_;
    if (Is("-")) {
      if (++depth_ > 100) Fail("the expression is nested too deeply");
      Next();
      const int operand = Unary();
      --depth_;
      return Add(Op::kNegate, column, {operand});
    }
    if (Is("(")) {
      Next();
      const int inner = Or();
      if (!Is(")")) Fail("expected ), found " + Shown());
      Next();
      return inner;
    }
    const int node = Add(Op::kConstant, column, {});
    if (kind_ == Kind::kNumber) {
      where_.nodes_[node].constant = number_;
    } else if (kind_ == Kind::kString) {
      where_.nodes_[node].constant = token_;
    } else if (kind_ == Kind::kName) {
      const auto axis =
          std::find_if(axes_.begin(), axes_.end(), [&](const Axis& a) { return a.name == token_; });
      if (axis == axes_.end()) {
        Fail("there is no axis \"" + token_ + "\"" + DidYouMean(token_, AxisNames(axes_)));
      } else {
        where_.nodes_[node].op = Op::kAxis;
        where_.nodes_[node].axis = axis - axes_.begin();
      }
    } else {
      Fail("expected a number, a string or an axis, found " + Shown());
    }
    Next();
    return node;
  }

  const std::string& text_;
  const std::vector<Axis>& axes_;
  Where where_;
  size_t at_ = 0;
  size_t start_ = 0;  // of the current token
  Kind kind_ = Kind::kEnd;
  std::string token_;
  double number_ = 0;
  int depth_ = 0;
  std::string error_;
};

// One combination. Values are small and borrowed, so that a grid of a million cells is cheap.
class Where::Evaluation {
 public:
  struct Value {
    enum class Type : uint8_t { kNumber, kString, kBool } type;
    double number = 0;
    const std::string* text = nullptr;
    bool flag = false;
  };

  Evaluation(const Where& where, const std::vector<Axis>& axes, const std::vector<uint32_t>& digits)
      : where_(where), axes_(axes), digits_(digits) {}

  Value At(int index) {
    const Node& node = where_.nodes_[index];
    switch (node.op) {
      case Op::kConstant:
        return Of(node.constant);
      case Op::kAxis:
        return Of(axes_[node.axis].values[digits_[node.axis]]);
      case Op::kOr:
        return Flag(Bool(node, 0) || Bool(node, 1));
      case Op::kAnd:
        return Flag(Bool(node, 0) && Bool(node, 1));
      case Op::kNot:
        return Flag(!Bool(node, 0));
      case Op::kNegate:
        return Number(-Operand(node, 0));
      case Op::kAdd:
        return Number(Operand(node, 0) + Operand(node, 1));
      case Op::kSubtract:
        return Number(Operand(node, 0) - Operand(node, 1));
      case Op::kMultiply:
        return Number(Operand(node, 0) * Operand(node, 1));
      case Op::kDivide:
      case Op::kRemainder: {
        const double left = Operand(node, 0), right = Operand(node, 1);
        if (right == 0) Fail(node, "a number is divided by 0");
        return Number(node.op == Op::kDivide ? left / right : std::fmod(left, right));
      }
      case Op::kIn: {
        const Value value = At(node.children[0]);
        bool found = false;
        for (size_t i = 1; i < node.children.size(); ++i) {
          found |= Compare(node, value, At(node.children[i])) == 0;
        }
        return Flag(found);
      }
      default:
        break;
    }
    const int order = Compare(node, At(node.children[0]), At(node.children[1]));
    switch (node.op) {
      case Op::kEqual:
        return Flag(order == 0);
      case Op::kNotEqual:
        return Flag(order != 0);
      case Op::kLess:
        return Flag(order < 0);
      case Op::kLessEqual:
        return Flag(order <= 0);
      case Op::kGreater:
        return Flag(order > 0);
      default:
        return Flag(order >= 0);
    }
  }

  const std::string& error() const { return error_; }

 private:
  using Type = Value::Type;
  static Value Number(double number) { return {Type::kNumber, number, nullptr, false}; }
  static Value Flag(bool flag) { return {Type::kBool, 0, nullptr, flag}; }
  static Value Of(const AxisValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      return {Type::kString, 0, text, false};
    }
    if (const auto* flag = std::get_if<bool>(&value)) return Flag(*flag);
    return Number(std::get<double>(value));
  }
  static std::string Shown(const Value& value) {
    if (value.type == Type::kString) return "the string \"" + *value.text + "\"";
    if (value.type == Type::kBool) return value.flag ? "true" : "false";
    return "the number " + AxisValueText(value.number);
  }

  bool Bool(const Node& node, int child) {
    const Value value = At(node.children[child]);
    if (value.type != Type::kBool) Fail(node, Shown(value) + " is neither true nor false");
    return value.flag;
  }
  double Operand(const Node& node, int child) {
    const Value value = At(node.children[child]);
    if (value.type != Type::kNumber) Fail(node, Shown(value) + " is no number to calculate with");
    return value.number;
  }
  // < 0, 0 or > 0.
  int Compare(const Node& node, const Value& left, const Value& right) {
    if (left.type != right.type) {
      Fail(node, Shown(left) + " cannot be compared with " + Shown(right));
      return 0;
    }
    if (left.type == Type::kString) return left.text->compare(*right.text);
    if (left.type == Type::kNumber)
      return (left.number > right.number) - (left.number < right.number);
    if (node.op != Op::kEqual && node.op != Op::kNotEqual && node.op != Op::kIn) {
      Fail(node, "true and false have no order");
    }
    return static_cast<int>(left.flag) - static_cast<int>(right.flag);
  }

  void Fail(const Node& node, const std::string& what) {
    if (!error_.empty()) return;
    error_ = "column " + std::to_string(node.column) + " of '" + where_.text_ + "': " + what;
  }

  const Where& where_;
  const std::vector<Axis>& axes_;
  const std::vector<uint32_t>& digits_;
  std::string error_;
};

Result<Where> Where::Parse(const std::string& text, const std::vector<Axis>& axes) {
  if (text.size() > 4096) return InvalidArgument("the expression is longer than 4096 bytes");
  return WhereParser(text, axes).Run();
}

Result<bool> Where::Keeps(const std::vector<Axis>& axes,
                          const std::vector<uint32_t>& digits) const {
  Evaluation evaluation(*this, axes, digits);
  const Evaluation::Value value = evaluation.At(root_);
  std::string error = evaluation.error();
  if (error.empty() && value.type != Evaluation::Value::Type::kBool) {
    error = "'" + text_ + "' is neither true nor false; compare something";
  }
  if (error.empty()) return value.flag;
  for (size_t i = 0; i < axes.size(); ++i) {
    error += (i == 0 ? " (" : " ") + axes[i].name + "=" + AxisValueText(axes[i].values[digits[i]]);
  }
  return InvalidArgument(error + (axes.empty() ? "" : ")"));
}

}  // namespace sparsweep
