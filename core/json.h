// Strict reading and canonical writing of JSON, the only door to nlohmann/json in core/.
//
// Reading collects every violation with its field path instead of stopping at the first; nothing
// here throws. Include this from .cc files only: no public header of core shows a JSON type.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sparsweep {

// Above 2^53 - 1 a double, and so a JSON number, no longer holds every whole number.
inline constexpr int64_t kMaxWhole = (int64_t{1} << 53) - 1;

// Parses JSON with comments. Syntax errors carry line and column; duplicate keys and nesting
// deeper than 64 are refused. `what` starts the message: "sweep file".
Result<nlohmann::json> ParseJson(const std::string& text, const std::string& what);

// RFC 8785: no white space, keys sorted by UTF-16 code units, numbers as ECMAScript prints them.
std::string CanonicalJson(const nlohmann::json& value);
// The pieces of it, for text that is put together without a JSON value.
std::string CanonicalNumber(double value);
std::string QuoteJson(std::string_view text);

// "a string", "a whole number", ...: what a value is, for messages. Short values are shown.
std::string DescribeJson(const nlohmann::json& value);

// What is wrong with a document, in the order in which it was found.
class Violations {
 public:
  void Add(std::string field, std::string description) {
    fields_.push_back({std::move(field), std::move(description)});
  }
  bool empty() const { return fields_.empty(); }
  const std::vector<FieldViolation>& fields() const { return fields_; }
  // The first violation as the message, all of them as fields. Ok if there is none.
  Status ToStatus() const;

 private:
  std::vector<FieldViolation> fields_;
};

// Typed reads of one value; false (and a violation at `path`) if it is not that.
bool ReadString(const nlohmann::json& value, const std::string& path, Violations* out,
                std::string* result);
bool ReadNumber(const nlohmann::json& value, const std::string& path, Violations* out,
                double* result);
bool ReadWhole(const nlohmann::json& value, const std::string& path, Violations* out, int64_t low,
               int64_t high, int64_t* result);
bool ReadStrings(const nlohmann::json& value, const std::string& path, Violations* out,
                 std::vector<std::string>* result);

// Reads the fields of one object. Getters leave their target alone where the field is absent;
// Finish() refuses every field that no getter asked for and names the nearest one that was.
class ObjectReader {
 public:
  // `path` is "" for the document itself. Refuses a value that is not an object.
  ObjectReader(const nlohmann::json& value, std::string path, Violations* out);

  const nlohmann::json* Find(const std::string& name);
  std::string Path(const std::string& name) const {
    return path_.empty() ? name : path_ + "." + name;
  }

  bool String(const std::string& name, std::string* result);
  bool Strings(const std::string& name, std::vector<std::string>* result);
  bool Number(const std::string& name, double* result);
  bool Whole(const std::string& name, int64_t low, int64_t high, int64_t* result);
  bool Choice(const std::string& name, std::initializer_list<const char*> choices,
              std::string* result);
  void Finish();

 private:
  const nlohmann::json* object_;  // null if the value was not an object
  std::string path_;
  Violations* out_;
  std::vector<std::string> asked_;
};

// One sentence for a value that is none of `choices`: names the nearest or lists them.
std::string NotAChoice(const std::string& value, const std::vector<std::string>& choices);

}  // namespace sparsweep
