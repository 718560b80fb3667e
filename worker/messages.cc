#include "worker/messages.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

using nlohmann::json;

Status Broken(const std::string& what) {
  return {StatusCode::kDataLoss, "the trainer broke its protocol: " + what};
}

std::string Shortened(std::string_view line) {
  std::string text(line.substr(0, 60));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return line.size() > 60 ? text + "..." : text;
}

int64_t Whole(const json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string Text(const json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A point whose value is not finite comes as null and is left out: the database holds numbers.
std::vector<MetricPoint> Points(const json& object) {
  std::vector<MetricPoint> out;
  auto found = object.find("points");
  if (found == object.end() || !found->is_array()) return out;
  for (const json& point : *found) {
    if (!point.is_object()) continue;
    auto value = point.find("value");
    auto epoch = point.find("epoch");
    if (value == point.end() || !value->is_number() || Text(point, "name").empty()) continue;
    out.push_back({Text(point, "name"), Whole(point, "step"),
                   epoch != point.end() && epoch->is_number() ? epoch->get<double>() : 0,
                   value->get<double>()});
  }
  return out;
}

}  // namespace

std::string AttemptText(AttemptKey attempt) {
  return std::to_string(attempt.trial) + "." + std::to_string(attempt.number);
}

std::optional<AttemptKey> ParseAttemptText(std::string_view text) {
  AttemptKey key;
  const char* end = text.data() + text.size();
  auto [dot, error] = std::from_chars(text.data(), end, key.trial);
  if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
  auto [rest, error2] = std::from_chars(dot + 1, end, key.number);
  if (error2 != std::errc() || rest != end) return std::nullopt;
  return key;
}

Result<TrainerMessage> ParseTrainerMessage(std::string_view line) {
  const json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) return Broken("\"" + Shortened(line) + "\" is not a JSON object");
  const std::string type = Text(message, "type");
  if (type == "ready") {
    return TrainerMessage(
        TrainerReady{static_cast<int>(Whole(message, "protocol")), std::string(line)});
  }
  const std::optional<AttemptKey> attempt = ParseAttemptText(Text(message, "attempt"));
  if (!attempt) return Broken("\"" + Shortened(line) + "\" names no attempt");
  if (type == "started") {
    return TrainerMessage(TrainerPhase{*attempt, Text(message, "phase"), Whole(message, "steps")});
  }
  if (type == "step" || type == "eval") {
    return TrainerMessage(TrainerProgress{*attempt, Whole(message, "step"), Whole(message, "steps"),
                                          Points(message)});
  }
  if (type == "done") {
    auto result = message.find("result");
    if (result == message.end() || !result->is_object()) return Broken("done without a result");
    return TrainerMessage(TrainerDone{*attempt, result->dump(), Points(message)});
  }
  if (type == "failed") {
    const std::optional<FailureReason> reason = ParseFailureReason(Text(message, "reason"));
    if (!reason) return Broken("unknown reason \"" + Text(message, "reason") + "\"");
    return TrainerMessage(TrainerFailed{*attempt, *reason, Text(message, "message")});
  }
  return Broken("unknown message type \"" + Shortened(type) + "\"");
}

std::string RunLine(AttemptKey attempt, const std::string& trial_json) {
  return R"({"type":"run","attempt":")" + AttemptText(attempt) + R"(","trial":)" + trial_json +
         "}\n";
}

std::string CancelLine(AttemptKey attempt) {
  return R"({"type":"cancel","attempt":")" + AttemptText(attempt) + "\"}\n";
}

std::string QuitLine() { return "{\"type\":\"quit\"}\n"; }

}  // namespace sparsweep
