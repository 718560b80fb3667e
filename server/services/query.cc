// QueryService: one SELECT, paged by row offset (server/store/user_query.h does the rest).
#include <cmath>

#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/store/user_query.h"

namespace sparsweep {
namespace {

Result<SqlValue> ToSql(const google::protobuf::Value& value, int index) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kNullValue: return SqlValue(std::monostate());
    case Value::kBoolValue: return SqlValue(value.bool_value());
    case Value::kStringValue: return SqlValue(value.string_value());
    case Value::kNumberValue:
      if (std::isfinite(value.number_value())) return SqlValue(value.number_value());
      [[fallthrough]];
    default:
      return InvalidField("parameters[" + std::to_string(index) + "]",
                          "a parameter is null, a finite number, a string or a bool");
  }
}

void ToMessage(const SqlValue& value, google::protobuf::Value* message) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    message->set_bool_value(*flag);
  } else if (const auto* number = std::get_if<double>(&value)) {
    message->set_number_value(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    message->set_string_value(ToUtf8(*text, false, nullptr));
  } else {
    message->set_null_value(google::protobuf::NULL_VALUE);
  }
}

Result<UserQuery> ToQuery(const v1::QueryRequest& request) {
  const Result<int64_t> size = PageSize(request.page_size(), 1000, 10'000);
  if (!size.ok()) return size.status();
  const Result<int64_t> skip = ParsePageToken(request.page_token(), 0);
  if (!skip.ok()) return skip.status();
  UserQuery query;
  query.sql = request.sql();
  query.max_rows = *size;
  query.skip = *skip;
  for (int i = 0; i < request.parameters_size(); ++i) {
    Result<SqlValue> value = ToSql(request.parameters(i), i);
    if (!value.ok()) return value.status();
    query.parameters.push_back(*std::move(value));
  }
  return query;
}

ReaderPool::Job Job(UserQuery query, Reply<v1::QueryResponse> reply) {
  return [query = std::move(query), reply = std::move(reply)](
             ReaderPool::Connections& connections) {
    const Result<UserRows> rows = RunUserQuery(connections.user, query);
    if (!rows.ok()) return reply(rows.status());
    v1::QueryResponse response;
    for (const std::string& column : rows->columns) response.add_columns(column);
    for (const auto& row : rows->rows) {
      google::protobuf::ListValue* values = response.add_rows();
      for (const SqlValue& value : row) ToMessage(value, values->add_values());
    }
    if (rows->more) {
      response.set_next_page_token(
          std::to_string(query.skip + static_cast<int64_t>(rows->rows.size())));
    }
    reply(std::move(response));
  };
}

}  // namespace

void LocalApi::Query(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) {
  Result<UserQuery> query = ToQuery(request);
  if (!query.ok()) return reply(query.status());
  if (parts_.loop != nullptr) query->log = &parts_.loop->log();
  parts_.readers.SubmitQuery(Job(*std::move(query), std::move(reply)));
}

void LocalApi::QueryOwn(const v1::QueryRequest& request, Reply<v1::QueryResponse> reply) {
  Result<UserQuery> query = ToQuery(request);
  if (!query.ok()) return reply(query.status());
  parts_.readers.Submit(Job(*std::move(query), std::move(reply)));
}

}  // namespace sparsweep
