// `sparsweep sql`: one SELECT over the documented views.
#include <cstdio>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/format.h"
#include "client/table.h"
#include "client/terminal.h"
#include "core/json.h"
#include "proto/convert.h"

namespace sparsweep {

int Sql(const Options& options) {
  auto service = Service::Open(options.address(), Service::Access::kRead);
  if (!service.ok()) return Refuse(service.status());
  v1::QueryRequest request;
  request.set_sql(options.subject);
  request.set_page_size(10'000);
  Table table;
  std::vector<std::string> columns;
  std::vector<bool> numeric;
  std::vector<google::protobuf::ListValue> rows;
  do {
    const Result<v1::QueryResponse> page =
        Call((*service)->query(), &v1::QueryService::Stub::Query, request);
    if (!page.ok()) return Refuse(page.status());
    columns.assign(page->columns().begin(), page->columns().end());
    rows.insert(rows.end(), page->rows().begin(), page->rows().end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());

  if (options.json) {  // one object per line, as pandas and jq read it
    for (const auto& row : rows) {
      nlohmann::ordered_json object;
      for (int c = 0; c < row.values_size(); ++c) {
        const google::protobuf::Value& value = row.values(c);
        nlohmann::ordered_json& cell = object[columns[static_cast<size_t>(c)]];
        if (value.kind_case() == google::protobuf::Value::kNumberValue) {
          cell = nlohmann::ordered_json::parse(CanonicalNumber(value.number_value()));
        } else if (value.kind_case() == google::protobuf::Value::kBoolValue) {
          cell = value.bool_value();
        } else if (value.kind_case() == google::protobuf::Value::kStringValue) {
          cell = value.string_value();
        }
      }
      std::printf("%s\n", object.dump().c_str());
    }
    return kExitOk;
  }
  numeric.assign(columns.size(), !rows.empty());
  for (const auto& row : rows) {
    for (size_t c = 0; c < columns.size(); ++c) {
      const auto kind = row.values(static_cast<int>(c)).kind_case();
      if (kind != google::protobuf::Value::kNumberValue &&
          kind != google::protobuf::Value::kNullValue) {
        numeric[c] = false;
      }
    }
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    table.Column(columns[c], numeric[c] ? Table::Align::kRight : Table::Align::kLeft);
  }
  for (const auto& row : rows) {
    std::vector<std::string> cells;
    for (const google::protobuf::Value& value : row.values()) cells.push_back(ValueText(value));
    table.Row(std::move(cells));
  }
  std::fputs(options.csv ? table.Csv().c_str() : table.Text(TheTerminal().width).c_str(), stdout);
  return kExitOk;
}

}  // namespace sparsweep
