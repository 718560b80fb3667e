// See mask_request.h.
#include "core/mask_request.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/caret.h"
#include "core/json.h"
#include "core/mask.h"
#include "core/plan.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;  // an answer reads in the order in which it is documented

constexpr double kMaxRowBytes = 1 << 28;  // of hex in one answer

// Text that is not valid UTF-8 is shown with replacement characters, never thrown about.
std::string Line(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string Refusal(const ordered_json& attention, const Status& status) {
  return Line({{"attention", attention}, {"error", FirstLine(status.message())}});
}

Status CheckLengths(const MaskRequest& request, int max_length) {
  if (request.length < 1 || request.length > kMaxMaskLength) {
    return InvalidArgument("length must be 1 to " + std::to_string(kMaxMaskLength) + ", not " +
                           std::to_string(request.length));
  }
  if (request.length > max_length) {
    return InvalidArgument("length " + std::to_string(request.length) +
                           " is greater than max_length " + std::to_string(max_length));
  }
  if (request.mask_seed > static_cast<uint64_t>(kMaxWhole)) {
    return InvalidArgument("mask_seed must be a whole number from 0 to 2^53 - 1");
  }
  if (!request.example.empty() && !ParseExample(request.example)) {
    return InvalidArgument("example is SPLIT/NUMBER, such as train/17, or train/17/2 for the third "
                           "window of a long text, not " + Quoted(request.example));
  }
  const double hex_bytes =
      1.0 * request.layers * request.heads * request.length * ((request.length + 7) / 8) * 2;
  if (request.rows && hex_bytes > kMaxRowBytes) {
    return InvalidArgument(
        "the rows would take more than 256 MiB; ask for fewer layers and heads or a shorter "
        "length");
  }
  return {};
}

// What an answer says of one mask.
struct MaskFacts {
  explicit MaskFacts(const Mask& mask, bool with_rows)
      : kept(mask.kept()),
        density(mask.density()),
        empty_rows(mask.empty_rows()),
        sha256(Hex(mask.Sha256())) {
    for (int query = 0; with_rows && query < mask.length(); ++query) {
      rows.push_back(mask.RowHex(query));
    }
  }
  int64_t kept;
  double density;
  int empty_rows;
  std::string sha256;
  std::vector<std::string> rows;
};

ordered_json Answer(const MaskRequest& request, const Plan& plan, const TextMasks* text) {
  ordered_json kept, density, empty_rows, sha256, rows;
  std::map<int, MaskFacts> known;  // by the index of the pattern in the plan
  for (int layer = 0; layer < plan.layers(); ++layer) {
    for (ordered_json* list : {&kept, &density, &empty_rows, &sha256, &rows}) {
      list->push_back(ordered_json::array());
    }
    for (int head = 0; head < plan.heads(); ++head) {
      const Pattern& pattern = plan.at(layer, head);
      const int index = plan.index(layer, head);
      if (DependsOnHead(pattern)) known.erase(index);
      auto found = known.find(index);
      if (found == known.end()) {
        MaskContext context{request.mask_seed, layer, head, plan.context().max_length};
        context.heads = plan.heads();
        context.phase = request.evaluation ? Phase::kEvaluation : Phase::kTraining;
        if (const auto key = ParseExample(request.example)) context.example_key = *key;
        context.text = text;
        const Mask mask = BuildMask(pattern, request.length, context);
        found = known.emplace(index, MaskFacts(mask, request.rows)).first;
      }
      const MaskFacts& facts = found->second;
      kept.back().push_back(facts.kept);
      density.back().push_back(facts.density);
      empty_rows.back().push_back(facts.empty_rows);
      sha256.back().push_back(facts.sha256);
      rows.back().push_back(facts.rows);
    }
  }
  ordered_json answer = {{"attention", request.attention}, {"canonical", plan.canonical()},
                         {"layers", plan.layers()},        {"heads", plan.heads()},
                         {"length", request.length},       {"kept", std::move(kept)},
                         {"density", std::move(density)},  {"empty_rows", std::move(empty_rows)},
                         {"sha256", std::move(sha256)}};
  if (request.rows) answer["rows"] = std::move(rows);
  return answer;
}

}  // namespace

std::optional<uint64_t> ParseExample(std::string_view name) {
  const size_t first = name.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::string_view split = name.substr(0, first);
  if (split != "train" && split != "dev" && split != "test") return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<int64_t> {
    int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end || std::to_string(value) != text) return std::nullopt;
    return value < 0 ? std::nullopt : std::optional(value);
  };
  const size_t second = std::min(name.find('/', first + 1), name.size());
  const auto row = number(name.substr(first + 1, second - first - 1));
  const auto window = second < name.size() ? number(name.substr(second + 1)) : 0;
  if (!row || !window) return std::nullopt;
  return ExampleKey(split, *row, *window);
}

Result<std::string> TryMaskRequest(const MaskRequest& request, const TextMasks* text) {
  const int max_length = request.max_length == 0 ? request.length : request.max_length;
  if (Status status = CheckLengths(request, max_length); !status.ok()) return status;
  auto plan = Plan::Resolve(request.attention, {request.layers, request.heads, max_length});
  if (!plan.ok()) return plan.status();
  if (plan->needs_text() && text == nullptr) {
    return InvalidArgument(
        "syntax and lexical keep what the words of a text say, and a length alone does not tell; "
        "give --model and --text");
  }
  if (plan->per_example() && request.example.empty() && text == nullptr) {
    return InvalidArgument(
        "with each=example every text has a draw of its own; name one with the field \"example\" "
        "of "
        "--batch, such as \"train/17\"");
  }
  if (plan->learned()) {
    return InvalidArgument(
        "a learned pattern has no mask before it is trained; look at the results "
        "of its trial");
  }
  return Line(Answer(request, *plan, text));
}

std::string AnswerMaskRequest(const MaskRequest& request) {
  auto answer = TryMaskRequest(request);
  return answer.ok() ? *answer : Refusal(request.attention, answer.status());
}

Result<MaskRequest> ParseMaskRequest(const std::string& json_line) {
  auto document = ParseJson(json_line, "mask request");
  if (!document.ok()) return document.status();
  Violations violations;
  ObjectReader reader(*document, "", &violations);
  MaskRequest request;
  const auto need = [&](const char* name) {
    if (document->is_object() && !document->contains(name)) {
      violations.Add(name, "the field \"" + std::string(name) + "\" is missing");
    }
  };
  const auto whole = [&](const char* name, int64_t low, int64_t high, auto* target) {
    int64_t value = *target;
    if (reader.Whole(name, low, high, &value)) *target = value;
  };
  for (const char* name : {"attention", "layers", "heads", "length"}) need(name);
  reader.String("attention", &request.attention);
  whole("layers", 1, kMaxLayers, &request.layers);
  whole("heads", 1, kMaxHeads, &request.heads);
  whole("length", 1, kMaxMaskLength, &request.length);
  whole("max_length", 1, kMaxLength, &request.max_length);
  whole("mask_seed", 0, kMaxWhole, &request.mask_seed);
  reader.String("example", &request.example);
  std::string phase = "training";
  reader.Choice("phase", {"training", "evaluation"}, &phase);
  request.evaluation = phase == "evaluation";
  if (const json* rows = reader.Find("rows")) {
    if (rows->is_boolean()) {
      request.rows = rows->get<bool>();
    } else {
      violations.Add("rows", "rows must be true or false, not " + DescribeJson(*rows));
    }
  }
  reader.Finish();
  if (!violations.empty()) return violations.ToStatus();
  return request;
}

std::string AnswerMaskLine(const std::string& json_line) {
  auto request = ParseMaskRequest(json_line);
  if (request.ok()) return AnswerMaskRequest(*request);
  // What was refused is named as far as it can be read.
  ordered_json attention = nullptr;
  if (auto document = ParseJson(json_line, "mask request");
      document.ok() && document->is_object()) {
    const auto found = document->find("attention");
    if (found != document->end() && found->is_string()) attention = found->get<std::string>();
  }
  return Refusal(attention, request.status());
}

}  // namespace sparsweep
