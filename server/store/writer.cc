#include "server/store/writer.h"

#include "server/store/options_json.h"

namespace sparsweep {
namespace {

constexpr size_t kMostCommonSpecs = 4096;

std::optional<std::string> ReasonName(const std::optional<FailureReason>& reason) {
  if (!reason) return std::nullopt;
  return FailureReasonName(*reason);
}

}  // namespace

Status Writer::Begin(int64_t now_ms) {
  if (open()) return {};
  now_ms_ = now_ms;
  return Guard([&] { transaction_.emplace(db_); });
}

Status Writer::Write(const Effect& effect) {
  return Guard([&] { std::visit([&](const auto& one) { WriteEffect(one); }, effect); });
}

Result<std::vector<EventRow>> Writer::Commit() {
  if (!open()) return std::vector<EventRow>();
  const Status status = Guard([&] {
    CountCommonSpecs();
    transaction_->Commit();
  });
  if (!status.ok()) return status;
  transaction_.reset();
  unnamed_changes_.clear();
  return std::exchange(events_, {});
}

void Writer::Abandon() {
  transaction_.reset();
  events_.clear();
  removed_blobs_.clear();
  common_specs_.clear();
  common_needs_.clear();
  const auto changes = std::exchange(unnamed_changes_, {});
  for (const auto& [blob, by] : changes) CountUnnamed(blob, -by);
  unnamed_changes_.clear();
}

void Writer::CountUnnamed(const std::string& blob, int by) {
  int& reports = unnamed_blobs_[blob];
  if (reports + by < 0) by = 0;  // brought before this server was started
  if ((reports += by) == 0) unnamed_blobs_.erase(blob);
  unnamed_changes_.emplace_back(blob, by);
}

Status Writer::Probe() {
  return Guard([&] {
    Transaction transaction(db_);
    // Any page will do; the version is written as it is.
    Statement read = db_.Prepare("PRAGMA user_version");
    read.Step();
    const std::string write = "PRAGMA user_version = " + std::to_string(read.Int(0));
    db_.Execute(write.c_str());
    transaction.Commit();
  });
}

void Writer::Log(EventRow row) {
  row.at = now_ms_;
  const auto maybe = [](int64_t id) { return id == 0 ? std::nullopt : std::optional(id); };
  db_.Prepare(
         "INSERT INTO event (at, type, sweep_id, trial_id, attempt, worker, state, detail) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
      .Bind(row.at, row.type, maybe(row.sweep), maybe(row.trial), maybe(row.attempt), row.worker,
            row.state, row.detail)
      .Run();
  row.id = db_.LastInsertId();
  events_.push_back(std::move(row));
}

void Writer::WriteEffect(const CellAdded& effect) {
  const ExpandedCell& cell = effect.cell;
  db_.Prepare(
         "INSERT INTO cell (sweep_id, cell, is_baseline, alias_of, baseline_cell, axes, "
         "attention, canonical) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
      .Bind(effect.sweep, cell.index, cell.is_baseline, cell.alias_of, cell.baseline_index,
            cell.axes_json, cell.attention, cell.canonical)
      .Run();
  for (const CellTrial& trial : effect.trials) {
    if (trial.created) {
      const int64_t common = CommonSpec(cell.common_spec);
      ++common_needs_[common];
      db_.Prepare(
             "INSERT INTO trial (id, identity, generation, state, common_id, canonical, seed, "
             "mask_seed, training) VALUES (?1, ?2, ?3, 'queued', ?4, ?5, ?6, ?7, ?8)")
          .Bind(trial.trial, trial.spec.identity, trial.generation, common, cell.canonical,
                trial.spec.seed, trial.spec.mask_seed, cell.training_json)
          .Run();
    }
    db_.Prepare(
           "INSERT INTO cell_trial (sweep_id, cell, trial_id, seed_rank) "
           "VALUES (?1, ?2, ?3, ?4)")
        .Bind(effect.sweep, cell.index, trial.trial, trial.spec.seed_rank)
        .Run();
  }
}

int64_t Writer::CommonSpec(const std::shared_ptr<const std::string>& spec) {
  if (const auto known = common_specs_.find(spec); known != common_specs_.end()) {
    return known->second;
  }
  if (common_specs_.size() >= kMostCommonSpecs) common_specs_.clear();
  db_.Prepare("INSERT INTO common_spec (spec) VALUES (?1)").Bind(*spec).Run();
  return common_specs_[spec] = db_.LastInsertId();
}

void Writer::CountCommonSpecs() {
  for (const auto& [id, more] : std::exchange(common_needs_, {})) {
    db_.Prepare("UPDATE common_spec SET trials = trials + ?2 WHERE id = ?1").Bind(id, more).Run();
    if (more >= 0) continue;
    db_.Prepare("DELETE FROM common_spec WHERE id = ?1 AND trials = 0").Bind(id).Run();
    std::erase_if(common_specs_, [id = id](const auto& known) { return known.second == id; });
  }
}

// The result is kept beside the trial: its row moves to the replicates.
void Writer::WriteEffect(const ResultInvalidated& effect) {
  db_.Prepare("UPDATE trial SET fence = ?2 WHERE id = ?1").Bind(effect.trial, effect.fence).Run();
  db_.Prepare(
         "INSERT INTO replicate (trial_id, attempt, detail, at, stale, why) "
         "SELECT r.trial_id, r.attempt, d.detail, ?2, 1, ?3 FROM result r "
         "JOIN result_detail d ON d.trial_id = r.trial_id WHERE r.trial_id = ?1")
      .Bind(effect.trial, now_ms_, effect.why)
      .Run();
  int64_t attempt = 0;
  std::string worker;
  {
    Statement update = db_.Prepare(
        "UPDATE attempt SET state = 'replicate' WHERE trial_id = ?1 AND "
        "number = (SELECT attempt FROM result WHERE trial_id = ?1) RETURNING number, worker");
    update.Bind(effect.trial);
    while (update.Step()) {
      attempt = update.Int(0);
      worker = update.Text(1);
    }
  }
  db_.Prepare("DELETE FROM result WHERE trial_id = ?1").Bind(effect.trial).Run();
  Log({.type = "attempt",
       .trial = effect.trial,
       .attempt = static_cast<int>(attempt),
       .worker = worker,
       .state = "replicate",
       .detail = effect.why});
}

void Writer::WriteEffect(const TrialChanged& effect) {
  db_.Prepare("UPDATE trial SET state = ?2, reason = ?3, message = ?4, charged = ?5 WHERE id = ?1")
      .Bind(effect.trial, Name(effect.state), ReasonName(effect.reason), effect.message,
            effect.attempts)
      .Run();
  // One event for each sweep that wants the trial, so that a sweep's history is one index range.
  std::vector<SweepId> sweeps;
  {
    Statement read = db_.Prepare("SELECT DISTINCT sweep_id FROM cell_trial WHERE trial_id = ?1");
    read.Bind(effect.trial);
    while (read.Step()) sweeps.push_back(read.Int(0));
  }
  for (const SweepId sweep : sweeps) {
    Log({.type = "trial",
         .sweep = sweep,
         .trial = effect.trial,
         .state = Name(effect.state),
         .detail = effect.message});
  }
}

void Writer::WriteEffect(const AttemptLeased& effect) {
  // A lost attempt may be leased again under its own number (scheduler/effect.h).
  db_.Prepare(
         "INSERT INTO attempt (trial_id, number, worker, incarnation, sweep_id, state, "
         "started_at) VALUES (?1, ?2, ?3, ?4, ?5, 'running', ?6) "
         "ON CONFLICT (trial_id, number) DO UPDATE SET worker = excluded.worker, "
         "incarnation = excluded.incarnation, sweep_id = excluded.sweep_id, state = 'running', "
         "reason = NULL, message = '', ended_at = NULL")
      .Bind(effect.attempt.trial, effect.attempt.number, effect.worker, effect.incarnation,
            effect.charged_to, now_ms_)
      .Run();
  Log({.type = "attempt",
       .sweep = effect.charged_to,
       .trial = effect.attempt.trial,
       .attempt = effect.attempt.number,
       .worker = effect.worker,
       .state = "running"});
}

void Writer::WriteEffect(const AttemptEnded& effect) {
  std::optional<std::string> log_blob;
  if (!effect.log_blob.empty()) {
    log_blob = effect.log_blob;
    CountUnnamed(effect.log_blob, -1);
  }
  SweepId sweep = 0;
  {
    // Not with RETURNING, which makes a temporary table.
    Statement read =
        db_.Prepare("SELECT sweep_id FROM attempt WHERE trial_id = ?1 AND number = ?2");
    read.Bind(effect.attempt.trial, effect.attempt.number);
    if (read.Step()) sweep = read.Int(0);
  }
  db_.Prepare(
         "UPDATE attempt SET state = ?3, reason = ?4, message = ?5, "
         "log_blob = coalesce(?6, log_blob), ended_at = ?7 WHERE trial_id = ?1 AND number = ?2")
      .Bind(effect.attempt.trial, effect.attempt.number, Name(effect.state),
            ReasonName(effect.reason), effect.message, log_blob, now_ms_)
      .Run();
  if (effect.state == AttemptState::kSucceeded) WriteResult(effect);
  if (effect.state == AttemptState::kReplicate) {
    db_.Prepare("INSERT INTO replicate (trial_id, attempt, detail, at, stale) "
                "VALUES (?1, ?2, ?3, ?4, ?5)")
        .Bind(effect.attempt.trial, effect.attempt.number, effect.result_json, now_ms_,
              effect.stale)
        .Run();
  }
  // A cleaning that was decided before this report came must not take what it names (unnamed_blobs.h).
  if (effect.result_json.find("\"predictions\"") != std::string::npos ||
      effect.result_json.find("\"checkpoint\"") != std::string::npos) {
    db_.Prepare("UPDATE blob SET brought_at = ?2 WHERE sha256 = ?1 ->> '$.predictions' OR sha256 IN "
                "(SELECT value FROM json_each(?1, '$.checkpoint.files'))")
        .Bind(effect.result_json, now_ms_)
        .Run();
  }
  Log({.type = "attempt",
       .sweep = sweep,
       .trial = effect.attempt.trial,
       .attempt = effect.attempt.number,
       .worker = effect.worker,
       .state = Name(effect.state),
       .detail = effect.message});
}

void Writer::WriteResult(const AttemptEnded& effect) {
  db_.Prepare(
         "INSERT INTO result (trial_id, attempt, metric, value, density, attestation_root, "
         "accepted_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
      .Bind(effect.attempt.trial, effect.attempt.number, effect.head.metric, effect.head.value,
            effect.head.density, effect.head.attestation_root, now_ms_)
      .Run();
  db_.Prepare("INSERT INTO result_detail (trial_id, detail) VALUES (?1, ?2)")
      .Bind(effect.attempt.trial, effect.result_json)
      .Run();
}

void Writer::WriteEffect(const WorkerChanged& effect) {
  const std::string labels = effect.labels_json.empty() ? "{}" : effect.labels_json;
  db_.Prepare(
         "INSERT INTO worker (name, incarnation, state, slots, labels, last_seen_at, offer, "
         "drain_requested) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name) DO UPDATE SET "
         "incarnation = excluded.incarnation, state = excluded.state, slots = excluded.slots, "
         "labels = excluded.labels, offer = excluded.offer, "
         "drain_requested = excluded.drain_requested, "
         "last_seen_at = CASE excluded.state WHEN 'lost' THEN last_seen_at "
         "ELSE excluded.last_seen_at END")
      .Bind(effect.worker, effect.incarnation, effect.state, effect.slots, labels, now_ms_,
            OfferToJson(effect.offer), effect.drain_requested)
      .Run();
  Log({.type = "worker", .worker = effect.worker, .state = effect.state});
}

Status Writer::WriteMetrics(const AttemptId& attempt, const std::vector<MetricPoint>& points) {
  return Guard([&] {
    for (const MetricPoint& point : points) {
      db_.Prepare(
             "INSERT OR IGNORE INTO metric (trial_id, attempt, name, step, epoch, value, at) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
          .Bind(attempt.trial, attempt.number, point.name, point.step, point.epoch, point.value,
                now_ms_)
          .Run();
    }
  });
}

Status Writer::WriteBlob(const std::string& sha256, int64_t size, const std::string* bytes) {
  CountUnnamed(sha256, 1);
  return Guard([&] {
    Statement insert = db_.Prepare(
        "INSERT INTO blob (sha256, size, brought_at, bytes) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (sha256) DO UPDATE SET brought_at = excluded.brought_at");
    insert.Bind(sha256, size, now_ms_);
    if (bytes != nullptr) insert.BindBlob(4, *bytes);
    insert.Run();
  });
}

Status Writer::RemoveBlobs(const std::vector<std::string>& digests, int64_t brought_before_ms) {
  return Guard([&] {
    for (const std::string& digest : digests) {
      Statement remove = db_.Prepare(
          "DELETE FROM blob WHERE sha256 = ?1 AND brought_at < ?2 AND NOT EXISTS "
          "(SELECT 1 FROM attempt WHERE log_blob = ?1) RETURNING bytes");
      remove.Bind(digest, brought_before_ms);
      while (remove.Step()) {
        if (remove.IsNull(0)) removed_blobs_.push_back(digest);
      }
    }
  });
}

Result<bool> Writer::WriteResultDigest(SweepId sweep, int64_t revision,
                                       const std::string& digest) {
  return Guard([&] {
    db_.Prepare("UPDATE sweep SET result_digest = ?3 WHERE id = ?1 AND revision = ?2")
        .Bind(sweep, revision, digest)
        .Run();
    return db_.Changes() > 0;
  });
}

Status Writer::TouchWorker(const std::string& worker) {
  return Guard([&] {
    db_.Prepare("UPDATE worker SET last_seen_at = ?2 WHERE name = ?1").Bind(worker, now_ms_).Run();
  });
}

Result<std::optional<Writer::AnsweredRequest>> Writer::FindRequest(const std::string& id) {
  return Guard([&]() -> std::optional<AnsweredRequest> {
    Statement read = db_.Prepare(
        "SELECT digest, coalesce(sweep_id, 0), answer FROM request WHERE id = ?1");
    read.Bind(id);
    if (!read.Step()) return std::nullopt;
    return AnsweredRequest{read.Text(0), read.Int(1), read.Text(2)};
  });
}

Status Writer::WriteRequest(const std::string& id, const AnsweredRequest& request) {
  return Guard([&] {
    std::optional<SweepId> sweep;
    if (request.sweep != 0) sweep = request.sweep;
    db_.Prepare(
           "INSERT INTO request (id, digest, sweep_id, answer, at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .Bind(id, request.digest, sweep, request.answer, now_ms_)
        .Run();
  });
}

Result<std::optional<int64_t>> Writer::RevisionOf(SweepId sweep) {
  return Guard([&]() -> std::optional<int64_t> {
    Statement read = db_.Prepare("SELECT revision FROM sweep WHERE id = ?1");
    read.Bind(sweep);
    if (!read.Step()) return std::nullopt;
    return read.Int(0);
  });
}

Result<bool> Writer::WasLeased(const AttemptId& attempt, const std::string& worker) {
  return Guard([&] {
    Statement read = db_.Prepare(
        "SELECT 1 FROM attempt WHERE trial_id = ?1 AND number = ?2 AND worker = ?3");
    read.Bind(attempt.trial, attempt.number, worker);
    return read.Step();
  });
}

Result<bool> Writer::HasBlob(const std::string& sha256) {
  return Guard([&] {
    Statement read = db_.Prepare("SELECT 1 FROM blob WHERE sha256 = ?1");
    read.Bind(sha256);
    return read.Step();
  });
}

Result<std::string> Writer::TrialSpecJson(TrialId trial) {
  return Guard([&]() -> std::string {
    Statement read = db_.Prepare("SELECT spec FROM trial_spec WHERE trial_id = ?1");
    read.Bind(trial);
    return read.Step() ? read.Text(0) : std::string();
  });
}

}  // namespace sparsweep
