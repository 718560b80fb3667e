// The second table of `sparsweep results` and `run` for sweeps that measure.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

#include "client/commands.h"
#include "client/format.h"
#include "client/table.h"
#include "client/terminal.h"

namespace sparsweep {
namespace {

struct Value {
  const char *title, *expression, *format;
};
constexpr Value kProfile[] = {{"activations MB", "m.activation_bytes / 1e6", "%.1f"},
                              {"forward ms", "m.forward_ms", "%.2f"},
                              {"backward ms", "m.backward_ms", "%.2f"},
                              {"optimizer ms", "m.optimizer_ms", "%.2f"},
                              {"tokens/s", "m.tokens_per_second", "%.0f"}};
constexpr Value kInfer[] = {{"median ms", "m.latency_ms_p50", "%.2f"},
                            {"p90 ms", "m.latency_ms_p90", "%.2f"},
                            {"p99 ms", "m.latency_ms_p99", "%.2f"},
                            {"tokens/s", "m.tokens_per_second", "%.0f"}};

// Means over the seeds; a point that did not fit says so in place of its first value.
std::string Sql(std::span<const Value> values, int64_t sweep) {
  std::string sql = "SELECT c.cell, c.attention, m.path, m.batch, m.length AS tokens";
  const char* instead = "out of memory";
  for (const Value& value : values) {
    sql += fmt::format(
        ", CASE WHEN max(m.out_of_memory) THEN '{}' ELSE printf('{}', avg({})) END AS \"{}\"",
        std::exchange(instead, ""), value.format, value.expression, value.title);
  }
  return sql + fmt::format(
                   " FROM v_cells c JOIN v_measurements m USING (trial_id) WHERE c.sweep = {} AND "
                   "c.alias_of IS NULL GROUP BY c.cell, m.path, m.batch, m.length "
                   "ORDER BY c.cell, m.path, m.length, m.batch",
                   sweep);
}

}  // namespace

Status PrintMeasurements(Service& service, const std::string& sweep, const std::string& kind) {
  v1::QueryRequest request;
  const int64_t id = std::atoll(sweep.c_str() + sweep.find('/') + 1);
  request.set_sql(kind == "profile" ? Sql(kProfile, id) : Sql(kInfer, id));
  request.set_page_size(10'000);
  Table table;
  do {
    const Result<v1::QueryResponse> page =
        Call(service.query(), &v1::QueryService::Stub::Query, request);
    if (!page.ok()) return page.status();
    if (request.page_token().empty()) {
      for (int c = 0; c < page->columns_size(); ++c) {
        const bool text = c == 1 || c == 2;
        table.Column(page->columns(c), text ? Table::Align::kLeft : Table::Align::kRight);
      }
    }
    for (const auto& row : page->rows()) {
      std::vector<std::string> cells;
      for (const google::protobuf::Value& value : row.values()) cells.push_back(ValueText(value));
      table.Row(std::move(cells));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (!table.empty()) std::printf("\n%s", table.Text(TheTerminal().width).c_str());
  return {};
}

}  // namespace sparsweep
