// See json.h. Reading text is in json_parse.cc.
#include "core/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/nearest.h"

namespace sparsweep {
namespace {

using nlohmann::json;

std::u16string Utf16(std::string_view text) {
  std::u16string out;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const int length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    uint32_t point = length == 1 ? byte : byte & (0xFF >> (length + 1));
    for (int k = 1; k < length && i + k < text.size(); ++k) {
      point = (point << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    }
    i += length;
    if (point < 0x10000) {
      out.push_back(static_cast<char16_t>(point));
    } else {
      out.push_back(static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10)));
      out.push_back(static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FF)));
    }
  }
  return out;
}

void AppendCanonical(const json& value, std::string* out) {
  if (value.is_object()) {
    std::vector<std::pair<std::u16string, const json*>> sorted;
    std::vector<std::string> quoted;
    for (auto it = value.begin(); it != value.end(); ++it) {
      sorted.emplace_back(Utf16(it.key()), &*it);
      quoted.push_back(QuoteJson(it.key()));
    }
    std::vector<size_t> order(sorted.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return sorted[a].first < sorted[b].first; });
    *out += '{';
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) *out += ',';
      *out += quoted[order[i]] + ":";
      AppendCanonical(*sorted[order[i]].second, out);
    }
    *out += '}';
  } else if (value.is_array()) {
    *out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) *out += ',';
      AppendCanonical(value[i], out);
    }
    *out += ']';
  } else if (value.is_string()) {
    *out += QuoteJson(value.get_ref<const std::string&>());
  } else if (value.is_number()) {
    *out += CanonicalNumber(value.get<double>());
  } else {
    *out += value.is_null() ? "null" : value.get<bool>() ? "true" : "false";
  }
}

}  // namespace

std::string QuoteJson(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  };
  if (std::all_of(text.begin(), text.end(), plain)) return (out += text) += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char kHex[] = "0123456789abcdef";
          out += std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string CanonicalNumber(double value) {
  if (value == 0) return "0";  // -0 too
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific)
          .ptr;
  const std::string_view shortest(buffer, end - buffer);
  const size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  const int exponent = std::stoi(std::string(shortest.substr(e + 1)));
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // ECMAScript's n: the value is 0.digits * 10^n
  std::string out = value < 0 ? "-" : "";
  if (count <= point && point <= 21) {
    out += digits + std::string(point - count, '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, point) + "." + digits.substr(point);
  } else if (-6 < point && point <= 0) {
    out += "0." + std::string(-point, '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += std::string("e") + (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
  }
  return out;
}

std::string CanonicalJson(const json& value) {
  std::string out;
  AppendCanonical(value, &out);
  return out;
}

std::string DescribeJson(const json& value) {
  const char* type = value.is_string()    ? "a string"
                     : value.is_object()  ? "an object"
                     : value.is_array()   ? "a list"
                     : value.is_null()    ? "null"
                     : value.is_boolean() ? "true or false"
                                          : "a number";
  if (value.is_null()) return type;
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  const std::string text =
      value.is_structured() ? "" : value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.empty() || text.size() > 40) return type;
  return text + (value.is_string() ? " (a string)" : "");
}

Status Violations::ToStatus() const {
  if (fields_.empty()) return {};
  const FieldViolation& first = fields_.front();
  std::string message = (first.field.empty() ? "" : first.field + ": ") + first.description;
  if (fields_.size() > 1) {
    message += " (and " + std::to_string(fields_.size() - 1) + " more)";
  }
  return {StatusCode::kInvalidArgument, std::move(message), fields_};
}

bool ReadString(const json& value, const std::string& path, Violations* out, std::string* result) {
  if (!value.is_string()) {
    out->Add(path, DescribeJson(value) + " must be a string");
    return false;
  }
  *result = value.get<std::string>();
  return true;
}

bool ReadNumber(const json& value, const std::string& path, Violations* out, double* result) {
  if (!value.is_number()) {
    out->Add(path, DescribeJson(value) + " must be a number");
    return false;
  }
  *result = value.get<double>();
  return true;
}

bool ReadWhole(const json& value, const std::string& path, Violations* out, int64_t low,
               int64_t high, int64_t* result) {
  if (!value.is_number()) {
    out->Add(path, DescribeJson(value) + " must be a whole number");
    return false;
  }
  const double number = value.get<double>();
  if (number != std::floor(number)) {
    out->Add(path, CanonicalNumber(number) + " is not a whole number");
    return false;
  }
  // Compared as a double first: a huge number has no int64_t.
  if (number < static_cast<double>(low) || number > static_cast<double>(high)) {
    out->Add(path, CanonicalNumber(number) + " is not between " + std::to_string(low) + " and " +
                       std::to_string(high));
    return false;
  }
  *result = value.is_number_float() ? static_cast<int64_t>(number) : value.get<int64_t>();
  return true;
}

bool ReadStrings(const json& value, const std::string& path, Violations* out,
                 std::vector<std::string>* result) {
  if (!value.is_array()) {
    out->Add(path, DescribeJson(value) + " must be a list of strings");
    return false;
  }
  std::vector<std::string> strings(value.size());
  bool good = true;
  for (size_t i = 0; i < value.size(); ++i) {
    good &= ReadString(value[i], path + "[" + std::to_string(i) + "]", out, &strings[i]);
  }
  if (good) *result = std::move(strings);
  return good;
}

ObjectReader::ObjectReader(const json& value, std::string path, Violations* out)
    : object_(value.is_object() ? &value : nullptr), path_(std::move(path)), out_(out) {
  if (object_ == nullptr) out_->Add(path_, DescribeJson(value) + " must be an object {...}");
}

const json* ObjectReader::Find(const std::string& name) {
  asked_.push_back(name);
  if (object_ == nullptr) return nullptr;
  const auto it = object_->find(name);
  return it == object_->end() ? nullptr : &*it;
}

bool ObjectReader::String(const std::string& name, std::string* result) {
  const json* value = Find(name);
  return value != nullptr && ReadString(*value, Path(name), out_, result);
}

bool ObjectReader::Strings(const std::string& name, std::vector<std::string>* result) {
  const json* value = Find(name);
  return value != nullptr && ReadStrings(*value, Path(name), out_, result);
}

bool ObjectReader::Number(const std::string& name, double* result) {
  const json* value = Find(name);
  return value != nullptr && ReadNumber(*value, Path(name), out_, result);
}

bool ObjectReader::Whole(const std::string& name, int64_t low, int64_t high, int64_t* result) {
  const json* value = Find(name);
  return value != nullptr && ReadWhole(*value, Path(name), out_, low, high, result);
}

bool ObjectReader::Choice(const std::string& name, std::initializer_list<const char*> choices,
                          std::string* result) {
  std::string text;
  if (!String(name, &text)) return false;
  const std::vector<std::string> valid(choices.begin(), choices.end());
  if (std::find(valid.begin(), valid.end(), text) == valid.end()) {
    out_->Add(Path(name), NotAChoice(text, valid));
    return false;
  }
  *result = text;
  return true;
}

void ObjectReader::Finish() {
  if (object_ == nullptr) return;
  const auto known = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (auto it = object_->begin(); it != object_->end(); ++it) {
    if (known(asked_, it.key())) continue;
    out_->Add(Path(it.key()), "unknown field \"" + it.key() + "\"" + DidYouMean(it.key(), asked_));
  }
}

std::string NotAChoice(const std::string& value, const std::vector<std::string>& choices) {
  return "\"" + value + "\" is not valid" + DidYouMean(value, choices);
}

}  // namespace sparsweep
