#include "server/services/messages.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "core/splice.h"
#include "proto/convert.h"

namespace sparsweep {
namespace {

std::optional<int64_t> ParsePositive(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Result<int64_t> ParseName(const std::string& name, const std::string& collection,
                          const std::string& field) {
  const std::string prefix = collection + "/";
  if (name.starts_with(prefix)) {
    const auto id = ParsePositive(std::string_view(name).substr(prefix.size()));
    if (id && *id > 0) return *id;
  }
  return InvalidField(field, "\"" + name.substr(0, 100) + "\" is no name of this kind; write " +
                                 prefix + "NUMBER");
}

v1::SweepState ToMessage(SweepState state) {
  switch (state) {
    case SweepState::kExpanding: return v1::SWEEP_STATE_EXPANDING;
    case SweepState::kRunning: return v1::SWEEP_STATE_RUNNING;
    case SweepState::kPaused: return v1::SWEEP_STATE_PAUSED;
    case SweepState::kSucceeded: return v1::SWEEP_STATE_SUCCEEDED;
    case SweepState::kFailed: return v1::SWEEP_STATE_FAILED;
    case SweepState::kCancelled: return v1::SWEEP_STATE_CANCELLED;
  }
  return v1::SWEEP_STATE_UNSPECIFIED;
}

}  // namespace

Result<SweepId> ParseSweepName(const std::string& name, const std::string& field) {
  return ParseName(name, "sweeps", field);
}
Result<TrialId> ParseTrialName(const std::string& name, const std::string& field) {
  return ParseName(name, "trials", field);
}
std::string SweepName(SweepId id) { return "sweeps/" + std::to_string(id); }
std::string TrialName(TrialId id) { return "trials/" + std::to_string(id); }

Result<int64_t> ParsePageToken(const std::string& token, int64_t first) {
  if (token.empty()) return first;
  const auto value = ParsePositive(token);
  if (value) return *value;
  return InvalidField("page_token", "the page token is not one that a response gave");
}

Result<int64_t> PageSize(int64_t asked, int64_t usual, int64_t most) {
  if (asked < 0) return InvalidField("page_size", "page_size must not be negative");
  return asked == 0 ? usual : std::min(asked, most);
}

Status CheckRequestId(const std::string& id) {
  constexpr size_t kMaxRequestId = 128;
  if (id.size() <= kMaxRequestId) return {};
  return InvalidField("request_id", "request_id has " + std::to_string(id.size()) +
                                        " bytes; at most " + std::to_string(kMaxRequestId));
}

Status NoSweep(SweepId id) {
  return {StatusCode::kNotFound, "there is no sweep " + SweepName(id) + "; list the sweeps"};
}
Status NoTrial(TrialId id) {
  return {StatusCode::kNotFound, "there is no trial " + TrialName(id) + "; list the trials"};
}
Status ReadOnly() {
  return {StatusCode::kFailedPrecondition,
          "the database is opened for reading only; start a server on it to change anything"};
}

Status WithPrefix(const std::string& prefix, const Status& status) {
  std::vector<FieldViolation> fields = status.fields();
  for (FieldViolation& field : fields) {
    field.field = field.field.empty() ? prefix : prefix + "." + field.field;
  }
  return {status.code(), status.message(), std::move(fields)};
}

google::protobuf::Timestamp Time(int64_t unix_ms) {
  google::protobuf::Timestamp time;
  time.set_seconds(unix_ms / 1000);
  time.set_nanos(static_cast<int32_t>(unix_ms % 1000) * 1'000'000);
  return time;
}

int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> DisplayOrder(const SweepSpec& spec) {
  std::vector<std::string> names = AxesUsed(spec.attention);
  for (const Axis& axis : spec.axes) {
    if (std::find(names.begin(), names.end(), axis.name) == names.end()) {
      names.push_back(axis.name);
    }
  }
  return names;
}

v1::Sweep ToMessage(const SweepRow& row, const Coverage& coverage, const PaceRow& pace,
                    int64_t paused) {
  v1::Sweep sweep;
  sweep.set_name(SweepName(row.id));
  sweep.set_display_name(row.name);
  sweep.set_state(ToMessage(row.state));
  v1::Coverage* counts = sweep.mutable_coverage();
  counts->set_cells(coverage.cells);
  counts->set_aliases(coverage.aliases);
  counts->set_trials(coverage.trials);
  counts->set_queued(coverage.queued);
  counts->set_running(coverage.running);
  counts->set_succeeded(coverage.succeeded);
  counts->set_failed(coverage.failed);
  counts->set_cancelled(coverage.cancelled);
  counts->set_paused(paused);
  if (auto spec = SweepSpecToProto(row.spec_json); spec.ok()) {
    *sweep.mutable_spec() = *std::move(spec);
  }
  if (const auto spec = ParseSweepSpec(row.spec_json); spec.ok()) {
    for (std::string& name : DisplayOrder(*spec)) sweep.add_axis_names(std::move(name));
  }
  *sweep.mutable_create_time() = Time(row.created_at);
  if (row.ended_at) *sweep.mutable_end_time() = Time(*row.ended_at);
  sweep.set_etag(std::to_string(row.revision));
  sweep.set_message(row.message);
  sweep.set_priority(row.priority);
  sweep.set_weight(row.weight);
  sweep.set_max_running(row.max_running);
  sweep.set_waiting_for(row.waiting_for);
  // The scheduler says what workers lack; that nothing is wanted now is a person's doing.
  if (row.state == SweepState::kRunning && paused > 0 && paused == coverage.queued &&
      coverage.running == 0) {
    sweep.set_waiting_for((paused == 1 ? "its last queued trial is"
                                       : "its " + std::to_string(paused) + " queued trials are") +
                          std::string(" paused; resume the sweep to go on"));
  }
  sweep.set_trials_per_minute(static_cast<double>(pace.last_minute));
  if (!row.ended_at) {
    sweep.set_seconds_left(pace.seconds_per_trial *
                           static_cast<double>(coverage.queued - paused + coverage.running));
  }
  return sweep;
}

v1::TrialState ToMessage(TrialState state) {
  switch (state) {
    case TrialState::kQueued: return v1::TRIAL_STATE_QUEUED;
    case TrialState::kRunning: return v1::TRIAL_STATE_RUNNING;
    case TrialState::kSucceeded: return v1::TRIAL_STATE_SUCCEEDED;
    case TrialState::kFailed: return v1::TRIAL_STATE_FAILED;
    case TrialState::kCancelled: return v1::TRIAL_STATE_CANCELLED;
  }
  return v1::TRIAL_STATE_UNSPECIFIED;
}

v1::Trial ToMessage(const TrialRow& row) {
  v1::Trial trial;
  trial.set_name(TrialName(row.id));
  trial.set_identity(row.identity);
  trial.set_state(ToMessage(row.state));
  trial.set_reason(row.reason);
  trial.set_message(row.message);
  if (row.origin != 0) trial.set_origin(SweepName(row.origin));
  if (const auto spec = ParseTrialSpec(row.spec_json); spec.ok()) {
    trial.set_model(spec->model);
    trial.set_task(spec->task.name);
    trial.set_canonical(spec->attention);
    trial.set_seed(static_cast<int64_t>(spec->seed));
    if (spec->mask_seed) trial.set_mask_seed(static_cast<int64_t>(*spec->mask_seed));
  }
  return trial;
}

v1::Attempt ToMessage(const AttemptRow& row) {
  v1::Attempt attempt;
  attempt.set_number(row.number);
  attempt.set_worker(row.worker);
  attempt.set_state(row.state);
  attempt.set_reason(row.reason);
  attempt.set_message(row.message);
  *attempt.mutable_start_time() = Time(row.started_at);
  if (row.ended_at) *attempt.mutable_end_time() = Time(*row.ended_at);
  return attempt;
}

v1::Replicate ToMessage(const ReplicateRow& row) {
  v1::Replicate replicate;
  replicate.set_attempt(row.attempt);
  replicate.set_value(row.value);
  replicate.set_stale(row.stale);
  replicate.set_why(row.why);
  *replicate.mutable_time() = Time(row.at);
  return replicate;
}

v1::WatchEventsResponse ToMessage(const EventRow& row) {
  v1::WatchEventsResponse event;
  event.set_event(row.id);
  event.set_type(row.type);
  if (row.sweep != 0) event.set_sweep(SweepName(row.sweep));
  if (row.trial != 0) event.set_trial(TrialName(row.trial));
  event.set_worker(row.worker);
  event.set_state(row.state);
  event.set_step(row.step);
  event.set_steps(row.steps);
  event.set_message(row.detail);
  return event;
}

}  // namespace sparsweep
