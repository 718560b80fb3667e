// Effects that concern a sweep as a whole (server/store/writer.h).
#include "server/store/options_json.h"
#include "server/store/writer.h"

namespace sparsweep {
namespace {

bool Ended(SweepState state) {
  return state == SweepState::kSucceeded || state == SweepState::kFailed ||
         state == SweepState::kCancelled;
}

}  // namespace

void Writer::WriteEffect(const SweepCreated& effect) {
  const SweepSubmitted& submitted = effect.submitted;
  const SweepOptions& options = submitted.options;
  db_.Prepare(
         "INSERT INTO sweep (id, name, state, priority, weight, max_running, needs, time_limit_ms, "
         "idle_limit_ms, max_failed_share, fresh, spec_digest, created_at) "
         "VALUES (?1, ?2, 'expanding', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
      .Bind(effect.sweep, submitted.name, options.priority, options.weight, options.max_running,
            NeedsToJson(options.needs), options.time_limit.count(), options.idle_limit.count(),
            options.max_failed_share, options.fresh, submitted.spec_digest, now_ms_)
      .Run();
  db_.Prepare("INSERT INTO sweep_spec (sweep_id, spec) VALUES (?1, ?2)")
      .Bind(effect.sweep, submitted.spec_json)
      .Run();
  Log({.type = "sweep", .sweep = effect.sweep, .state = "expanding"});
}

void Writer::WriteEffect(const ExpansionAdvanced& effect) {
  db_.Prepare("UPDATE sweep SET next_index = ?2, expanded = ?3 WHERE id = ?1")
      .Bind(effect.sweep, effect.next_index, effect.done)
      .Run();
  Log({.type = "sweep", .sweep = effect.sweep, .state = effect.done ? "expanded" : "expanding"});
}

void Writer::WriteEffect(const SweepChanged& effect) {
  std::optional<int64_t> ended_at;
  if (Ended(effect.state)) ended_at = now_ms_;
  db_.Prepare(
         "UPDATE sweep SET state = ?2, message = ?3, ended_at = ?4, closed = ?5, "
         "revision = revision + 1, result_digest = NULL WHERE id = ?1")
      .Bind(effect.sweep, Name(effect.state), effect.message, ended_at, effect.closed)
      .Run();
  Log({.type = "sweep",
       .sweep = effect.sweep,
       .state = Name(effect.state),
       .detail = effect.message});
}

void Writer::WriteEffect(const SweepOptionsChanged& effect) {
  db_.Prepare(
         "UPDATE sweep SET priority = ?2, weight = ?3, max_running = ?4, revision = revision + 1 "
         "WHERE id = ?1")
      .Bind(effect.sweep, effect.options.priority, effect.options.weight,
            effect.options.max_running)
      .Run();
  Log({.type = "sweep", .sweep = effect.sweep, .state = "reprioritised"});
}

void Writer::WriteEffect(const SweepWaiting& effect) {
  db_.Prepare("UPDATE sweep SET waiting_for = ?2 WHERE id = ?1")
      .Bind(effect.sweep, effect.waiting_for)
      .Run();
  Log({.type = "sweep",
       .sweep = effect.sweep,
       .state = effect.waiting_for.empty() ? "served" : "waiting",
       .detail = effect.waiting_for});
}

void Writer::WriteEffect(const SweepDeletionBegun& effect) {
  db_.Prepare(
         "UPDATE sweep SET deleting = 1, closed = 1, revision = revision + 1 WHERE id = ?1")
      .Bind(effect.sweep)
      .Run();
  const auto keep = [&](const char* what, int64_t next) {
    db_.Prepare(
           "INSERT INTO numbers (what, highest) VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET "
           "highest = max(highest, excluded.highest)")
        .Bind(what, next - 1)
        .Run();
  };
  keep("sweep", effect.next_sweep);
  keep("trial", effect.next_trial);
  Log({.type = "sweep", .sweep = effect.sweep, .state = "deleted"});
}

void Writer::WriteEffect(const SweepShrunk& effect) {
  for (const TrialId trial : effect.released) {
    for (const char* sql : {"DELETE FROM interest WHERE sweep_id = ?1 AND trial_id = ?2",
                            "DELETE FROM cell_trial WHERE sweep_id = ?1 AND trial_id = ?2"}) {
      db_.Prepare(sql).Bind(effect.sweep, trial).Run();
    }
  }
  for (const TrialId trial : effect.deleted) DeleteTrial(trial);
  if (effect.cells == 0) return;
  db_.Prepare(
         "DELETE FROM cell WHERE sweep_id = ?1 AND cell IN "
         "(SELECT cell FROM cell WHERE sweep_id = ?1 ORDER BY cell LIMIT ?2)")
      .Bind(effect.sweep, effect.cells)
      .Run();
}

void Writer::WriteEffect(const SweepDeleted& effect) {
  db_.Prepare("DELETE FROM sweep WHERE id = ?1").Bind(effect.sweep).Run();
}

// What refers to a row goes before it. A log goes with the last attempt that names it; predictions
// and weights, which results name, stay.
void Writer::DeleteTrial(TrialId trial) {
  std::vector<std::string> logs;
  {
    Statement read =
        db_.Prepare("SELECT log_blob FROM attempt WHERE trial_id = ?1 AND log_blob IS NOT NULL");
    read.Bind(trial);
    while (read.Step()) logs.push_back(read.Text(0));
  }
  for (const char* sql :
       {"DELETE FROM metric WHERE trial_id = ?1", "DELETE FROM result WHERE trial_id = ?1",
        "DELETE FROM replicate WHERE trial_id = ?1", "DELETE FROM attempt WHERE trial_id = ?1"}) {
    db_.Prepare(sql).Bind(trial).Run();
  }
  {
    Statement remove = db_.Prepare("DELETE FROM trial WHERE id = ?1 RETURNING common_id");
    remove.Bind(trial);
    while (remove.Step()) --common_needs_[remove.Int(0)];
  }
  for (const std::string& log : logs) {
    if (unnamed_blobs_.contains(log)) continue;
    Statement remove = db_.Prepare(
        "DELETE FROM blob WHERE sha256 = ?1 AND NOT EXISTS "
        "(SELECT 1 FROM attempt WHERE log_blob = ?1) RETURNING bytes");
    remove.Bind(log);
    while (remove.Step()) {
      if (remove.IsNull(0)) removed_blobs_.push_back(log);
    }
  }
}

void Writer::WriteEffect(const InterestChanged& effect) {
  if (effect.wish == Wish::kWanted) {
    db_.Prepare("DELETE FROM interest WHERE sweep_id = ?1 AND trial_id = ?2")
        .Bind(effect.sweep, effect.trial)
        .Run();
  } else {
    db_.Prepare(
           "INSERT INTO interest (sweep_id, trial_id, wish) VALUES (?1, ?2, ?3) "
           "ON CONFLICT (sweep_id, trial_id) DO UPDATE SET wish = excluded.wish")
        .Bind(effect.sweep, effect.trial, Name(effect.wish))
        .Run();
  }
  Log({.type = "trial",
       .sweep = effect.sweep,
       .trial = effect.trial,
       .state = Name(effect.wish)});
}

}  // namespace sparsweep
