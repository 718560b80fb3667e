// InvalidateResults: what a condition selects, and the event that makes it stale
// (server/services/local_api.h).
#include <google/protobuf/util/json_util.h>

#include "core/sha256.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/store/user_query.h"

namespace sparsweep {
namespace {

constexpr int64_t kMaxListed = 1000;
constexpr size_t kMaxWhere = 10'000, kMaxWhy = 1000;

// Pages of the API do not apply: what is selected is made stale, or nothing is.
Result<UserRows> Ask(Database& user, WriteAheadLog* log, const std::string& sql, int64_t max_rows) {
  UserQuery query;
  query.log = log;
  query.sql = sql;
  query.max_rows = max_rows;
  query.max_bytes = int64_t{1} << 30;
  query.time_limit = std::chrono::seconds(60);
  return RunUserQuery(user, query);
}

int64_t Whole(const SqlValue& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr ? static_cast<int64_t>(*number) : 0;
}
std::string Text(const SqlValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? ToUtf8(*text, false, nullptr) : "";
}

struct Selection {
  std::vector<TrialId> trials;
  v1::InvalidateResultsResponse response;
};

Result<Selection> Select(Database& user, WriteAheadLog* log, const std::string& where,
                         SweepId sweep) {
  std::string from =
      "FROM (SELECT *, canonical AS pattern FROM v_results) WHERE (" + where + "\n)";
  if (sweep != 0) {
    from += " AND trial_id IN (SELECT trial_id FROM cell_trial WHERE sweep_id = " +
            std::to_string(sweep) + ")";
  }
  const Result<UserRows> ids =
      Ask(user, log, "SELECT trial_id " + from + " ORDER BY trial_id", int64_t{1} << 32);
  if (!ids.ok()) {
    const std::string what = ids.status().message() +
                             "; a condition speaks of the columns of v_results (docs/database.md), "
                             "and of pattern";
    return Status(ids.status().code(), "where: " + what, {{"where", what}});
  }
  Selection selection;
  for (const auto& row : ids->rows) selection.trials.push_back(Whole(row[0]));
  selection.response.set_total(static_cast<int64_t>(selection.trials.size()));
  const Result<UserRows> rows =
      Ask(user, log,
          "SELECT trial_id, canonical, seed, metric, value, worker, device " + from +
              " ORDER BY trial_id",
          kMaxListed);
  if (!rows.ok()) return rows.status();
  for (const auto& row : rows->rows) {
    v1::InvalidatedResult* result = selection.response.add_results();
    result->set_trial(TrialName(Whole(row[0])));
    result->set_canonical(Text(row[1]));
    result->set_seed(Whole(row[2]));
    result->set_metric(Text(row[3]));
    const auto* value = std::get_if<double>(&row[4]);
    result->set_value(value != nullptr ? *value : 0);
    result->set_worker(Text(row[5]));
    result->set_device(Text(row[6]));
  }
  const Result<UserRows> sweeps =
      Ask(user, log,
          "SELECT DISTINCT ct.sweep_id FROM cell_trial ct JOIN sweep s ON s.id = ct.sweep_id "
          "WHERE s.state IN ('succeeded', 'failed') AND ct.trial_id IN (SELECT trial_id " +
              from + ") ORDER BY 1",
          kMaxListed);
  if (!sweeps.ok()) return sweeps.status();
  for (const auto& row : sweeps->rows) {
    selection.response.add_reopened_sweeps(SweepName(Whole(row[0])));
  }
  return selection;
}

}  // namespace

void LocalApi::InvalidateResults(const v1::InvalidateResultsRequest& request,
                                 Reply<v1::InvalidateResultsResponse> reply) {
  if (parts_.loop == nullptr && !request.validate_only()) return reply(ReadOnly());
  if (request.where().empty() || request.where().size() > kMaxWhere) {
    return reply(InvalidField("where",
                              "where is a condition of 1 to " + std::to_string(kMaxWhere) +
                                  " bytes, such as worker = 'node7'; true selects all results"));
  }
  if (request.why().size() > kMaxWhy) {
    return reply(InvalidField("why", "why has at most " + std::to_string(kMaxWhy) + " bytes"));
  }
  SweepId sweep = 0;
  if (!request.parent().empty()) {
    const Result<SweepId> id = ParseSweepName(request.parent(), "parent");
    if (!id.ok()) return reply(id.status());
    sweep = *id;
  }
  parts_.readers.SubmitQuery([this, request, sweep,
                         reply = std::move(reply)](ReaderPool::Connections& connections) {
    Result<Selection> selection = Select(
        connections.user, parts_.loop != nullptr ? &parts_.loop->log() : nullptr, request.where(),
        sweep);
    if (!selection.ok()) return reply(selection.status());
    if (request.validate_only()) return reply(std::move(selection->response));
    PersonsRequest persons;
    persons.id = request.request_id();
    persons.digest = Sha256Hex("invalidate\n" + request.SerializeAsString());
    SPARSWEEP_CHECK(
        google::protobuf::util::MessageToJsonString(selection->response, &persons.answer).ok());
    const std::string why = request.why().empty() ? "invalidated: " + request.where()
                                                  : ToUtf8(request.why(), false, nullptr);
    LocalApi::Ask(ResultsInvalidated{std::move(selection->trials), why}, std::move(persons),
                  [reply](Result<Outcome> outcome) {
                    if (!outcome.ok()) return reply(outcome.status());
                    v1::InvalidateResultsResponse response;
                    SPARSWEEP_CHECK(google::protobuf::util::JsonStringToMessage(outcome->answer,
                                                                                &response)
                                        .ok());
                    reply(std::move(response));
                  });
  });
}

}  // namespace sparsweep
