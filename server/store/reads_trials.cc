// Reads of trials, workers and the event log (server/store/reads.h).
#include "server/store/names.h"
#include "server/store/options_json.h"
#include "server/store/reads.h"

namespace sparsweep {
namespace {

#define SPARSWEEP_TRIAL_COLUMNS                                                          \
  "SELECT t.id, t.identity, t.state, coalesce(t.reason, ''), t.message, s.spec, "        \
  "coalesce(d.detail, ''), coalesce(r.attempt, 0), coalesce(a.sweep_id, 0) FROM trial t " \
  "JOIN trial_spec s ON s.trial_id = t.id LEFT JOIN result r ON r.trial_id = t.id "      \
  "LEFT JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt "             \
  "LEFT JOIN result_detail d ON d.trial_id = t.id "

TrialRow TrialOf(const Statement& read) {
  return {read.Int(0),  read.Text(1), TrialStateNamed(read.Text(2)), read.Text(3), read.Text(4),
          read.Text(5), read.Text(6), static_cast<int>(read.Int(7)),
          read.Int(8)};
}

}  // namespace

std::optional<TrialRow> ReadTrial(Database& db, TrialId id) {
  Statement read = db.Prepare(SPARSWEEP_TRIAL_COLUMNS "WHERE t.id = ?1");
  read.Bind(id);
  if (!read.Step()) return std::nullopt;
  return TrialOf(read);
}

std::vector<TrialRow> ReadTrials(Database& db, SweepId sweep, std::optional<TrialState> state,
                                 TrialId after, int64_t limit) {
  Statement read = db.Prepare(
      SPARSWEEP_TRIAL_COLUMNS
      "WHERE t.id > ?1 AND (?2 IS NULL OR t.state = ?2) AND (?3 = 0 OR EXISTS "
      "(SELECT 1 FROM cell_trial ct WHERE ct.trial_id = t.id AND ct.sweep_id = ?3)) "
      "ORDER BY t.id LIMIT ?4");
  std::optional<std::string> name;
  if (state) name = Name(*state);
  read.Bind(after, name, sweep, limit);
  std::vector<TrialRow> rows;
  while (read.Step()) rows.push_back(TrialOf(read));
  return rows;
}

std::vector<AttemptRow> ReadAttempts(Database& db, TrialId trial) {
  Statement read = db.Prepare(
      "SELECT number, worker, state, coalesce(reason, ''), message, coalesce(log_blob, ''), "
      "started_at, ended_at FROM attempt WHERE trial_id = ?1 ORDER BY number");
  read.Bind(trial);
  std::vector<AttemptRow> rows;
  while (read.Step()) {
    rows.push_back({static_cast<int>(read.Int(0)), read.Text(1), read.Text(2), read.Text(3),
                    read.Text(4), read.Text(5), read.Int(6), read.MaybeInt(7)});
  }
  return rows;
}

std::vector<ReplicateRow> ReadReplicates(Database& db, TrialId trial) {
  Statement read = db.Prepare(
      "SELECT attempt, detail ->> '$.value', stale, why, at FROM replicate WHERE trial_id = ?1 "
      "ORDER BY attempt");
  read.Bind(trial);
  std::vector<ReplicateRow> rows;
  while (read.Step()) {
    rows.push_back({static_cast<int>(read.Int(0)), read.Double(1), read.Int(2) != 0, read.Text(3),
                    read.Int(4)});
  }
  return rows;
}

std::vector<SweepId> ReadSweepsOf(Database& db, TrialId trial) {
  Statement read =
      db.Prepare("SELECT DISTINCT sweep_id FROM cell_trial WHERE trial_id = ?1 ORDER BY sweep_id");
  read.Bind(trial);
  std::vector<SweepId> ids;
  while (read.Step()) ids.push_back(read.Int(0));
  return ids;
}

std::vector<SweepId> ReadPausedBy(Database& db, TrialId trial) {
  Statement read = db.Prepare(
      "SELECT sweep_id FROM interest WHERE trial_id = ?1 AND wish = 'paused' ORDER BY sweep_id");
  read.Bind(trial);
  std::vector<SweepId> ids;
  while (read.Step()) ids.push_back(read.Int(0));
  return ids;
}

std::vector<MaskRow> ReadMasks(Database& db, TrialId trial) {
  Statement read = db.Prepare(
      "SELECT layer, head, kept, density, empty_rows, tile_sparsity, path, hash FROM v_masks "
      "WHERE trial_id = ?1 ORDER BY layer, head");
  read.Bind(trial);
  std::vector<MaskRow> rows;
  while (read.Step()) {
    rows.push_back({static_cast<int>(read.Int(0)), static_cast<int>(read.Int(1)), read.Int(2),
                    read.Double(3), read.Int(4), read.Double(5), read.Text(6), read.Text(7)});
  }
  return rows;
}

std::vector<MetricPoint> ReadMetrics(Database& db, TrialId trial, int64_t after_step,
                                     const std::vector<std::string>& names, int64_t limit) {
  int64_t attempt = 0;
  {
    Statement read = db.Prepare(
        "SELECT coalesce((SELECT attempt FROM result WHERE trial_id = ?1), "
        "(SELECT max(number) FROM attempt WHERE trial_id = ?1), 0)");
    read.Bind(trial);
    read.Step();
    attempt = read.Int(0);
  }
  Statement read = db.Prepare(
      "SELECT name, step, epoch, value FROM metric WHERE trial_id = ?1 AND attempt = ?2 AND "
      "step > ?3 ORDER BY name, step");
  read.Bind(trial, attempt, after_step);
  std::vector<MetricPoint> points;
  while (static_cast<int64_t>(points.size()) < limit && read.Step()) {
    MetricPoint point{read.Text(0), read.Int(1), read.Double(2), read.Double(3)};
    bool wanted = names.empty();
    for (const std::string& name : names) wanted |= name == point.name;
    if (wanted) points.push_back(std::move(point));
  }
  return points;
}

std::vector<WorkerRow> ReadWorkers(Database& db) {
  std::vector<WorkerRow> rows;
  {
    Statement read = db.Prepare(
        "SELECT name, state, incarnation, labels, slots, last_seen_at, offer, drain_requested "
        "FROM worker ORDER BY name");
    while (read.Step()) {
      rows.push_back({read.Text(0), read.Text(1), read.Text(2), read.Text(3),
                      static_cast<int>(read.Int(4)), read.Int(5), ParseOffer(read.Text(6)),
                      read.Int(7) != 0, {}});
    }
  }
  Statement read = db.Prepare(
      "SELECT worker, trial_id, number FROM attempt WHERE state = 'running' "
      "ORDER BY trial_id, number");
  while (read.Step()) {
    for (WorkerRow& row : rows) {
      if (row.name == read.Text(0)) {
        row.running.push_back({read.Int(1), static_cast<int>(read.Int(2))});
      }
    }
  }
  return rows;
}

std::vector<EventRow> ReadEvents(Database& db, SweepId sweep, int64_t after, int64_t up_to,
                                 int64_t limit) {
  constexpr char kColumns[] =
      "SELECT id, at, type, coalesce(sweep_id, 0), coalesce(trial_id, 0), coalesce(attempt, 0), "
      "coalesce(worker, ''), coalesce(state, ''), detail FROM event ";
  Statement read =
      sweep == 0
          ? db.Prepare(std::string(kColumns) +
                       "WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3")
          : db.Prepare(std::string(kColumns) +
                       "WHERE id > ?1 AND id <= ?2 AND sweep_id = ?4 ORDER BY id LIMIT ?3");
  read.Bind(after, up_to, limit);
  if (sweep != 0) read.BindAt(4, sweep);
  std::vector<EventRow> rows;
  while (read.Step()) {
    EventRow row;
    row.id = read.Int(0);
    row.at = read.Int(1);
    row.type = read.Text(2);
    row.sweep = read.Int(3);
    row.trial = read.Int(4);
    row.attempt = static_cast<int>(read.Int(5));
    row.worker = read.Text(6);
    row.state = read.Text(7);
    row.detail = read.Text(8);
    rows.push_back(std::move(row));
  }
  return rows;
}

int64_t ReadLastEvent(Database& db) {
  Statement read = db.Prepare("SELECT coalesce(max(id), 0) FROM event");
  read.Step();
  return read.Int(0);
}

}  // namespace sparsweep
