// Reading JSON text (core/json.h). The exceptions of nlohmann/json end here.
#include <set>
#include <string>
#include <vector>

#include "core/json.h"

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

// Most texts have nothing to complain of: this makes the value and counts keys, a third of the time
// that KeyWatch takes. It gives up on whatever KeyWatch has words for.
class QuickParser : public nlohmann::detail::json_sax_dom_parser<json> {
 public:
  explicit QuickParser(json& value) : json_sax_dom_parser(value, /*allow_exceptions=*/false) {}
  bool key(std::string& name) {
    ++keys_;
    return json_sax_dom_parser::key(name);
  }
  bool start_object(size_t size) {
    return ++depth_ <= kMaxDepth && json_sax_dom_parser::start_object(size);
  }
  bool end_object() {
    --depth_;
    return json_sax_dom_parser::end_object();
  }
  bool start_array(size_t size) {
    return ++depth_ <= kMaxDepth && json_sax_dom_parser::start_array(size);
  }
  bool end_array() {
    --depth_;
    return json_sax_dom_parser::end_array();
  }
  // A key that is given twice is one member of the value.
  bool EachKeyIsIn(const json& value) const { return Members(value) == keys_; }

 private:
  static size_t Members(const json& value) {
    size_t members = value.is_object() ? value.size() : 0;
    if (value.is_structured()) {
      for (const json& one : value) members += Members(one);
    }
    return members;
  }
  size_t keys_ = 0;
  int depth_ = 0;
};

// Follows the parser's events to find what the finished value no longer shows: duplicate keys.
class KeyWatch {
 public:
  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (depth > kMaxDepth) too_deep_ = true;
    if (event == Event::object_start || event == Event::array_start) {
      frames_.push_back({event == Event::array_start, 0, {}, {}});
    } else if (event == Event::object_end || event == Event::array_end) {
      frames_.pop_back();
      CountElement();
    } else if (event == Event::key) {
      Frame& frame = frames_.back();
      frame.key = parsed.get<std::string>();
      if (!frame.keys.insert(frame.key).second && duplicate_.empty()) duplicate_ = Path();
    } else {
      CountElement();
    }
    return true;
  }

  bool too_deep() const { return too_deep_; }
  const std::string& duplicate() const { return duplicate_; }

 private:
  struct Frame {
    bool is_array;
    size_t index;
    std::string key;
    std::set<std::string> keys;
  };

  void CountElement() {
    if (!frames_.empty() && frames_.back().is_array) ++frames_.back().index;
  }
  std::string Path() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (frame.is_array) {
        path += "[" + std::to_string(frame.index) + "]";
      } else {
        path += (path.empty() ? "" : ".") + frame.key;
      }
    }
    return path;
  }

  std::vector<Frame> frames_;
  std::string duplicate_;
  bool too_deep_ = false;
};

// "... at line 3, column 5: syntax error while parsing object key - unexpected ..." without the
// library's prefix and its internals.
std::string SyntaxError(const std::string& text) {
  const size_t line = text.find("line ");
  std::string sentence = line == std::string::npos ? text : text.substr(line);
  const size_t syntax = sentence.find("syntax error");
  const size_t dash = sentence.find(" - ");
  if (syntax != std::string::npos && dash != std::string::npos && syntax < dash) {
    sentence = sentence.substr(0, syntax) + sentence.substr(dash + 3);
  }
  if (const size_t bracket = sentence.rfind("] ");
      line == std::string::npos && bracket != std::string::npos) {
    sentence = sentence.substr(bracket + 2);
  }
  return sentence;
}

}  // namespace

Result<json> ParseJson(const std::string& text, const std::string& what) {
  json value;
  QuickParser quick(value);
  if (json::sax_parse(text, &quick, nlohmann::detail::input_format_t::json, /*strict=*/true,
                      /*ignore_comments=*/true) &&
      quick.EachKeyIsIn(value)) {
    return value;
  }
  KeyWatch watch;
  try {
    value = json::parse(text, std::ref(watch), /*allow_exceptions=*/true,
                        /*ignore_comments=*/true);
  } catch (const json::exception& error) {
    return InvalidArgument(what + ": " + SyntaxError(error.what()));
  }
  if (watch.too_deep()) return InvalidArgument(what + ": nested deeper than 64 levels");
  if (!watch.duplicate().empty()) {
    return InvalidField(watch.duplicate(),
                        what + ": " + watch.duplicate() + " is given twice; remove one of them");
  }
  return value;
}

}  // namespace sparsweep
