// The expressions of `where`: which combinations of axis values a sweep keeps.
//
//   or      = and { "or" and }                      and  = not { "and" not }
//   not     = "not" not | compare                   compare = sum [ op sum | "in" list ]
//   op      = "==" | "!=" | "<" | "<=" | ">" | ">=" list = "[" sum { "," sum } "]"
//   sum     = product { ("+" | "-") product }       product = unary { ("*" | "/" | "%") unary }
//   unary   = "-" unary | NUMBER | "string" | 'string' | AXIS | "(" or ")"
//
// Nothing is converted: comparing a string with a number is an error, not false.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sweep_spec.h"

namespace sparsweep {

class Where {
 public:
  // Errors give the column and, for an unknown name, the nearest axis.
  static Result<Where> Parse(const std::string& text, const std::vector<Axis>& axes);

  // Whether the combination is kept that takes value `digits[k]` of the k-th of the axes that
  // were parsed with. Fails where a type does not fit or a divisor is 0.
  Result<bool> Keeps(const std::vector<Axis>& axes, const std::vector<uint32_t>& digits) const;

  const std::string& text() const { return text_; }

 private:
  friend class WhereParser;
  enum class Op : uint8_t {
    kOr,
    kAnd,
    kNot,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kIn,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kNegate,
    kConstant,
    kAxis,
  };
  struct Node {
    Op op;
    int column = 0;             // from 1, of the operator or value
    std::vector<int> children;  // kIn: the value, then the list
    size_t axis = 0;
    AxisValue constant = 0.0;
  };
  class Evaluation;

  std::string text_;
  std::vector<Node> nodes_;
  int root_ = 0;
};

}  // namespace sparsweep
