// Gauges by state of trials and workers.
#include "server/http/metrics.h"

#include <fmt/format.h>

#include <map>

namespace sparsweep {
namespace {

constexpr char kSql[] =
    "SELECT 'trials', state, count(*) FROM v_trials GROUP BY state "
    "UNION ALL SELECT 'workers', state, count(*) FROM v_workers GROUP BY state "
    "UNION ALL SELECT 'slots', state, sum(slots) FROM v_workers GROUP BY state";

const std::map<std::string, std::string>& Meanings() {
  static const auto& meanings = *new std::map<std::string, std::string>{
      {"trials", "Trials by state."},
      {"workers", "Workers by state."},
      {"slots", "Slots that workers offer, by the workers' state."}};
  return meanings;
}

}  // namespace

v1::QueryRequest MetricsQuery() {
  v1::QueryRequest request;
  request.set_sql(kSql);
  return request;
}

std::string MetricsText(const v1::QueryResponse& response) {
  std::map<std::string, std::string> lines;  // metric -> its samples
  for (const auto& row : response.rows()) {
    if (row.values_size() != 3) continue;
    const std::string& metric = row.values(0).string_value();
    lines[metric] += fmt::format("sparsweep_{}{{state=\"{}\"}} {}\n", metric,
                                 row.values(1).string_value(), row.values(2).number_value());
  }
  std::string text;
  for (const auto& [metric, meaning] : Meanings()) {
    text += fmt::format("# HELP sparsweep_{0} {1}\n# TYPE sparsweep_{0} gauge\n{2}", metric,
                        meaning, lines[metric]);
  }
  return text;
}

}  // namespace sparsweep
