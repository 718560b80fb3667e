// TrialService: what ran, its log, its metrics (server/services/local_api.h).
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/store/blobs.h"

namespace sparsweep {
namespace {

constexpr int64_t kMaxLogPiece = 1 << 20;
constexpr int64_t kMaxPoints = 50'000;

void AddSteps(const Progress& progress, const std::vector<AttemptRow>& attempts, TrialId id,
              v1::Trial* trial) {
  if (attempts.empty() || attempts.back().state != "running") return;
  if (const auto steps = progress.StepsOf({id, attempts.back().number})) {
    trial->set_step(steps->step);
    trial->set_steps(steps->steps);
  }
}

}  // namespace

void LocalApi::GetTrial(const v1::GetTrialRequest& request, Reply<v1::Trial> reply) {
  const Result<TrialId> id = ParseTrialName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  AnswerTrial(*id, std::move(reply));
}

void LocalApi::AnswerTrial(TrialId id, Reply<v1::Trial> reply) {
  parts_.readers.Read<v1::Trial>(
      [id, progress = &parts_.progress](Database& db) -> Result<v1::Trial> {
        const std::optional<TrialRow> row = ReadTrial(db, id);
        if (!row) return NoTrial(id);
        v1::Trial trial = ToMessage(*row);
        *trial.mutable_spec() = StructFromJson(row->spec_json);
        if (!row->result_json.empty()) *trial.mutable_result() = StructFromJson(row->result_json);
        const std::vector<AttemptRow> attempts = ReadAttempts(db, id);
        for (const AttemptRow& attempt : attempts) *trial.add_attempts() = ToMessage(attempt);
        for (const SweepId sweep : ReadSweepsOf(db, id)) trial.add_sweeps(SweepName(sweep));
        for (const SweepId sweep : ReadPausedBy(db, id)) trial.add_paused_by(SweepName(sweep));
        for (const MaskRow& mask : ReadMasks(db, id)) *trial.add_masks() = ToProto(mask);
        if (const auto result = ParseTrialResult(row->result_json); result.ok()) {
          for (const DegreeRow& degrees : result->degrees) *trial.add_degrees() = ToProto(degrees);
        }
        for (const ReplicateRow& replicate : ReadReplicates(db, id)) {
          *trial.add_replicates() = ToMessage(replicate);
        }
        AddSteps(*progress, attempts, id, &trial);
        return trial;
      },
      std::move(reply));
}

void LocalApi::ListTrials(const v1::ListTrialsRequest& request,
                          Reply<v1::ListTrialsResponse> reply) {
  SweepId sweep = 0;
  if (!request.parent().empty()) {
    const Result<SweepId> id = ParseSweepName(request.parent(), "parent");
    if (!id.ok()) return reply(id.status());
    sweep = *id;
  }
  std::optional<TrialState> state;
  switch (request.state()) {
    case v1::TRIAL_STATE_UNSPECIFIED: break;
    case v1::TRIAL_STATE_QUEUED: state = TrialState::kQueued; break;
    case v1::TRIAL_STATE_RUNNING: state = TrialState::kRunning; break;
    case v1::TRIAL_STATE_SUCCEEDED: state = TrialState::kSucceeded; break;
    case v1::TRIAL_STATE_FAILED: state = TrialState::kFailed; break;
    case v1::TRIAL_STATE_CANCELLED: state = TrialState::kCancelled; break;
    default: return reply(InvalidField("state", "the state is none of TrialState"));
  }
  const Result<int64_t> size = PageSize(request.page_size(), 50, 1000);
  if (!size.ok()) return reply(size.status());
  const Result<int64_t> after = ParsePageToken(request.page_token(), 0);
  if (!after.ok()) return reply(after.status());
  parts_.readers.Read<v1::ListTrialsResponse>(
      [sweep, state, size = *size, after = *after,
       progress = &parts_.progress](Database& db) -> Result<v1::ListTrialsResponse> {
        if (sweep != 0 && !ReadSweep(db, sweep)) return NoSweep(sweep);
        const std::vector<TrialRow> rows = ReadTrials(db, sweep, state, after, size + 1);
        v1::ListTrialsResponse response;
        for (const TrialRow& row : rows) {
          if (response.trials_size() == size) {
            response.set_next_page_token(std::to_string(rows[size - 1].id));
            break;
          }
          v1::Trial* trial = response.add_trials();
          *trial = ToMessage(row);
          if (row.state == TrialState::kRunning) {
            AddSteps(*progress, ReadAttempts(db, row.id), row.id, trial);
          }
        }
        return response;
      },
      std::move(reply));
}

void LocalApi::GetTrialLog(const v1::GetTrialLogRequest& request,
                           Reply<v1::GetTrialLogResponse> reply) {
  const Result<TrialId> id = ParseTrialName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  if (request.offset() < 0) return reply(InvalidField("offset", "offset must not be negative"));
  parts_.readers.Read<v1::GetTrialLogResponse>(
      [this, id = *id, number = request.attempt(),
       offset = request.offset()](Database& db) -> Result<v1::GetTrialLogResponse> {
        if (!ReadTrial(db, id)) return NoTrial(id);
        v1::GetTrialLogResponse response;
        response.set_next_offset(offset);
        const std::vector<AttemptRow> attempts = ReadAttempts(db, id);
        const AttemptRow* chosen = nullptr;
        for (const AttemptRow& attempt : attempts) {
          if (number == 0 || attempt.number == number) chosen = &attempt;
        }
        if (chosen == nullptr) {
          if (number == 0) {  // not leased yet: nothing so far
            response.set_live(true);
            return response;
          }
          return Status(StatusCode::kNotFound, TrialName(id) + " has no attempt " +
                                                   std::to_string(number) + "; it has " +
                                                   std::to_string(attempts.size()));
        }
        response.set_attempt(chosen->number);
        std::string bytes;
        int64_t start = offset;
        if (!chosen->log_blob.empty()) {
          Result<std::string> piece =
              ReadBlobPiece(db, parts_.blob_folder, chosen->log_blob, offset, kMaxLogPiece);
          if (!piece.ok()) return piece.status();
          bytes = *std::move(piece);
        } else {
          response.set_live(chosen->state == "running");
          const auto tail = parts_.progress.LogOf({id, chosen->number});
          if (tail) {
            // What scrolled out of the tail is in the blob when the attempt has ended.
            start = std::max(offset, tail->start);
            const auto skip = static_cast<size_t>(start - tail->start);
            if (skip < tail->text.size()) bytes = tail->text.substr(skip, kMaxLogPiece);
          }
        }
        size_t used = 0;
        const bool more = response.live() || bytes.size() == static_cast<size_t>(kMaxLogPiece);
        response.set_text(ToUtf8(bytes, more, &used));
        response.set_next_offset(start + static_cast<int64_t>(used));
        return response;
      },
      std::move(reply));
}

void LocalApi::ListTrialMetrics(const v1::ListTrialMetricsRequest& request,
                                Reply<v1::ListTrialMetricsResponse> reply) {
  const Result<TrialId> id = ParseTrialName(request.parent(), "parent");
  if (!id.ok()) return reply(id.status());
  // 0 is also "not set": all points, those of step 0 included.
  const int64_t after = request.after_step() == 0 ? -1 : request.after_step();
  std::vector<std::string> names(request.names().begin(), request.names().end());
  parts_.readers.Read<v1::ListTrialMetricsResponse>(
      [id = *id, after,
       names = std::move(names)](Database& db) -> Result<v1::ListTrialMetricsResponse> {
        const std::optional<TrialRow> row = ReadTrial(db, id);
        if (!row) return NoTrial(id);
        v1::ListTrialMetricsResponse response;
        for (const MetricPoint& point : ReadMetrics(db, id, after, names, kMaxPoints)) {
          *response.add_points() = ToProto(point);
        }
        response.set_live(row->state == TrialState::kQueued || row->state == TrialState::kRunning);
        return response;
      },
      std::move(reply));
}

}  // namespace sparsweep
