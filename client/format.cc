#include "client/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sparsweep {

std::string Percent(double share) { return fmt::format("{:.1f}", 100 * share); }

std::string SignedPercent(double share) {
  const std::string text = fmt::format("{:+.1f}", 100 * share);
  return text == "-0.0" ? "+0.0" : text;
}

std::string Seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string Bytes(int64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string ValueText(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return value.string_value();
    case google::protobuf::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case google::protobuf::Value::kNumberValue: {
      const double number = value.number_value();
      if (number == std::floor(number) && std::abs(number) < 9e15) {
        return fmt::format("{}", static_cast<int64_t>(number));
      }
      return fmt::format("{}", number);
    }
    default:
      return "";
  }
}

bool IsShare(const std::string& metric) {
  return metric == "accuracy" || metric == "f1" || metric == "exact_match";
}

std::string MetricTitle(const std::string& metric) {
  if (IsShare(metric)) return metric + " %";
  if (metric.ends_with("_bytes")) return metric.substr(0, metric.size() - 6) + " memory MB";
  if (metric.ends_with("_ms")) return metric.substr(0, metric.size() - 3) + " ms";
  return metric;
}

std::string MetricText(const std::string& metric, double value) {
  if (IsShare(metric)) return Percent(value);
  if (metric.ends_with("_bytes")) return fmt::format("{:.1f}", value / 1e6);
  return fmt::format("{:.{}f}", value, metric.ends_with("_ms") ? 2 : 4);
}

std::string SignedMetricText(const std::string& metric, double value) {
  if (IsShare(metric)) return SignedPercent(value);
  const std::string text = MetricText(metric, value);
  return text.starts_with("-") ? text : "+" + text;
}

std::string StateText(const std::string& enum_name) {
  const size_t start = enum_name.find("_STATE_");
  std::string text = start == std::string::npos ? enum_name : enum_name.substr(start + 7);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string StateText(v1::SweepState state) { return StateText(v1::SweepState_Name(state)); }

std::string ProgressLine(const Progress& p, int width) {
  const int64_t done = p.succeeded + p.failed + p.cancelled;
  std::string text = fmt::format("{}/{} trials", done, p.trials);
  if (p.running > 0) text += fmt::format(" · {} running", p.running);
  if (p.failed > 0) text += fmt::format(" · {} failed", p.failed);
  if (p.cancelled > 0) text += fmt::format(" · {} cancelled", p.cancelled);
  if (p.expanding) text += " · expanding";
  if (p.per_minute > 0) text += fmt::format(" · {:.1f}/min", p.per_minute);
  if (p.seconds_left > 0 && done < p.trials) text += " · " + Seconds(p.seconds_left) + " left";
  if (width < 60) return text;
  const int cells = std::min(30, width - 50);
  const int filled = p.trials > 0 ? static_cast<int>(cells * done / p.trials) : 0;
  std::string bar;
  for (int i = 0; i < cells; ++i) bar += i < filled ? "█" : "░";
  return bar + "  " + text;
}

}  // namespace sparsweep
