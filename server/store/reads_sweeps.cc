// Reads of sweeps and their cells (server/store/reads.h).
#include <algorithm>

#include "server/store/names.h"
#include "server/store/reads.h"

namespace sparsweep {
namespace {

constexpr char kSweepColumns[] =
    "SELECT s.id, s.name, s.state, s.message, s.revision, s.created_at, s.ended_at, p.spec, "
    "coalesce(s.result_digest, ''), s.priority, s.weight, s.max_running, s.waiting_for "
    "FROM sweep s JOIN sweep_spec p ON p.sweep_id = s.id AND s.deleting = 0 ";

SweepRow SweepOf(const Statement& read) {
  SweepRow row;
  row.id = read.Int(0);
  row.name = read.Text(1);
  row.state = SweepStateNamed(read.Text(2));
  row.message = read.Text(3);
  row.revision = read.Int(4);
  row.created_at = read.Int(5);
  row.ended_at = read.MaybeInt(6);
  row.spec_json = read.Text(7);
  row.result_digest = read.Text(8);
  row.priority = read.Int(9);
  row.weight = read.Double(10);
  row.max_running = read.Int(11);
  row.waiting_for = read.Text(12);
  return row;
}

CellTrialRow CellTrialOf(const Statement& read, int column) {
  CellTrialRow row;
  row.trial = read.Int(column);
  row.seed = static_cast<uint64_t>(read.Int(column + 1));
  if (const auto seed = read.MaybeInt(column + 2)) row.mask_seed = static_cast<uint64_t>(*seed);
  row.state = TrialStateNamed(read.Text(column + 3));
  row.metric = read.Text(column + 4);
  row.value = read.MaybeDouble(column + 5);
  row.density = read.MaybeDouble(column + 6);
  row.train_seconds = read.MaybeDouble(column + 7);
  row.device = read.Text(column + 8);
  row.threads = read.Int(column + 9);
  row.warnings_json = read.Text(column + 10);
  row.origin = read.Int(column + 11);
  row.wish = WishNamed(read.Text(column + 12));
  row.context = {static_cast<int>(read.Int(column + 13)), static_cast<int>(read.Int(column + 14)),
                 static_cast<int>(read.Int(column + 15))};
  row.test_value = read.MaybeDouble(column + 16);
  return row;
}

constexpr char kTrialsOfCells[] =
    "SELECT ct.cell, ct.trial_id, s.seed, s.mask_seed, t.state, r.metric, r.value, r.density, "
    "d.detail ->> '$.train_seconds', d.detail ->> '$.device', d.detail ->> '$.threads', "
    "d.detail ->> '$.warnings', "
    "coalesce(nullif(a.sweep_id, ct.sweep_id), 0), coalesce(i.wish, 'wanted'), "
    "s.spec ->> '$.layers', s.spec ->> '$.heads', s.spec ->> '$.training.max_length', "
    "d.detail ->> '$.test_value' "
    "FROM cell_trial ct JOIN trial t ON t.id = ct.trial_id "
    "JOIN trial_spec s ON s.trial_id = ct.trial_id "
    "LEFT JOIN result r ON r.trial_id = ct.trial_id "
    "LEFT JOIN result_detail d ON d.trial_id = ct.trial_id "
    "LEFT JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt "
    "LEFT JOIN interest i ON i.sweep_id = ct.sweep_id AND i.trial_id = ct.trial_id "
    "WHERE ct.sweep_id = ?1 AND ct.cell BETWEEN ?2 AND ?3 "
    "ORDER BY ct.cell, ct.seed_rank, s.mask_seed, ct.trial_id";

}  // namespace

std::optional<SweepRow> ReadSweep(Database& db, SweepId id) {
  Statement read = db.Prepare(std::string(kSweepColumns) + "WHERE s.id = ?1");
  read.Bind(id);
  if (!read.Step()) return std::nullopt;
  return SweepOf(read);
}

std::vector<SweepRow> ReadSweeps(Database& db, SweepId before, int64_t limit) {
  Statement read = db.Prepare(std::string(kSweepColumns) +
                              "WHERE ?1 = 0 OR s.id < ?1 ORDER BY s.id DESC LIMIT ?2");
  read.Bind(before, limit);
  std::vector<SweepRow> rows;
  while (read.Step()) rows.push_back(SweepOf(read));
  return rows;
}

std::optional<ExpansionRow> ReadExpansion(Database& db, SweepId id) {
  Statement read = db.Prepare(
      "SELECT p.spec, s.next_index FROM sweep s "
      "JOIN sweep_spec p ON p.sweep_id = s.id AND s.deleting = 0 "
      "WHERE s.id = ?1 AND s.expanded = 0 AND s.state NOT IN ('failed', 'cancelled')");
  read.Bind(id);
  if (!read.Step()) return std::nullopt;
  return ExpansionRow{read.Text(0), static_cast<uint64_t>(read.Int(1))};
}

std::vector<SweepId> ReadUnexpanded(Database& db) {
  Statement read = db.Prepare(
      "SELECT id FROM sweep WHERE deleting = 0 AND expanded = 0 "
      "AND state NOT IN ('failed', 'cancelled') "
      "ORDER BY id");
  std::vector<SweepId> ids;
  while (read.Step()) ids.push_back(read.Int(0));
  return ids;
}

std::vector<SweepId> ReadWithoutDigest(Database& db) {
  Statement read = db.Prepare(
      "SELECT id FROM sweep WHERE state IN ('succeeded', 'failed') AND result_digest IS NULL "
      "AND deleting = 0 AND closed = 0");
  std::vector<SweepId> ids;
  while (read.Step()) ids.push_back(read.Int(0));
  return ids;
}

Coverage ReadCoverage(Database& db, SweepId id) {
  Coverage coverage;
  {
    Statement read = db.Prepare(
        "SELECT count(*), count(alias_of) FROM cell WHERE sweep_id = ?1");
    read.Bind(id);
    read.Step();
    coverage.cells = read.Int(0);
    coverage.aliases = read.Int(1);
  }
  Statement read = db.Prepare(
      "SELECT CASE WHEN t.state IN ('queued', 'running') AND (i.wish = 'dropped' OR "
      "(SELECT closed FROM sweep WHERE id = ?1)) THEN 'cancelled' "
      "ELSE t.state END AS state, count(*) FROM trial t "
      "LEFT JOIN interest i ON i.sweep_id = ?1 AND i.trial_id = t.id WHERE t.id IN "
      "(SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) GROUP BY 1");
  read.Bind(id);
  while (read.Step()) {
    const int64_t count = read.Int(1);
    coverage.trials += count;
    switch (TrialStateNamed(read.Text(0))) {
      case TrialState::kQueued: coverage.queued = count; break;
      case TrialState::kRunning: coverage.running = count; break;
      case TrialState::kSucceeded: coverage.succeeded = count; break;
      case TrialState::kFailed: coverage.failed = count; break;
      case TrialState::kCancelled: coverage.cancelled = count; break;
    }
  }
  return coverage;
}

int64_t ReadPaused(Database& db, SweepId id) {
  Statement read = db.Prepare(
      "SELECT count(*) FROM interest i JOIN trial t ON t.id = i.trial_id "
      "WHERE i.sweep_id = ?1 AND i.wish = 'paused' AND t.state = 'queued'");
  read.Bind(id);
  read.Step();
  return read.Int(0);
}

PaceRow ReadPace(Database& db, SweepId id, int64_t now_ms) {
  constexpr int64_t kRecent = 50;  // trials that the pace is taken from
  PaceRow pace;
  {
    Statement read = db.Prepare(
        "SELECT count(*) FROM (SELECT at FROM event WHERE sweep_id = ?1 AND type = 'trial' AND "
        "state IN ('succeeded', 'failed') ORDER BY id DESC LIMIT 100000) WHERE at > ?2");
    read.Bind(id, now_ms - 60'000);
    read.Step();
    pace.last_minute = read.Int(0);
  }
  {  // of a younger sweep: what a minute at its pace would bring
    Statement read = db.Prepare("SELECT created_at FROM sweep WHERE id = ?1");
    read.Bind(id);
    const int64_t age = read.Step() ? std::clamp<int64_t>(now_ms - read.Int(0), 1000, 60'000) : 0;
    if (age > 0) pace.last_minute = pace.last_minute * 60'000 / age;
  }
  // Time in which nothing of the sweep ran (nobody served, it was paused) is not its pace.
  Statement read = db.Prepare(
      "SELECT e.at, coalesce((SELECT max(started_at) FROM attempt a WHERE a.trial_id = e.trial_id "
      "AND a.started_at <= e.at), e.at) FROM event e WHERE e.sweep_id = ?1 AND e.type = 'trial' "
      "AND e.state IN ('succeeded', 'failed') ORDER BY e.id DESC LIMIT ?2");
  read.Bind(id, kRecent);
  int64_t count = 0, busy_ms = 0, reached = now_ms;
  for (; read.Step(); ++count) {
    busy_ms += std::max<int64_t>(0, std::min(read.Int(0), reached) - read.Int(1));
    reached = std::min(reached, read.Int(1));
  }
  if (count > 0) {
    pace.seconds_per_trial = static_cast<double>(busy_ms) / 1000 / static_cast<double>(count);
  }
  return pace;
}

std::vector<CellRow> ReadCells(Database& db, SweepId sweep, int64_t after, int64_t limit) {
  std::vector<CellRow> cells;
  {
    Statement read = db.Prepare(
        "SELECT cell, is_baseline, alias_of, baseline_cell, axes, attention, canonical FROM cell "
        "WHERE sweep_id = ?1 AND cell > ?2 ORDER BY cell LIMIT ?3");
    read.Bind(sweep, after, limit);
    while (read.Step()) {
      cells.push_back({read.Int(0), read.Int(1) != 0, read.MaybeInt(2), read.MaybeInt(3),
                       read.Text(4), read.Text(5), read.Text(6), {}});
    }
  }
  if (cells.empty()) return cells;
  Statement read = db.Prepare(kTrialsOfCells);
  read.Bind(sweep, cells.front().cell, cells.back().cell);
  size_t at = 0;
  while (read.Step()) {
    while (at < cells.size() && cells[at].cell < read.Int(0)) ++at;
    if (at < cells.size()) cells[at].trials.push_back(CellTrialOf(read, 1));
  }
  return cells;
}

std::optional<CellRow> ReadCell(Database& db, SweepId sweep, int64_t cell) {
  std::vector<CellRow> cells = ReadCells(db, sweep, cell - 1, 1);
  if (cells.empty() || cells[0].cell != cell) return std::nullopt;
  return std::move(cells[0]);
}

bool HasResult(Database& db, const std::string& identity) {
  Statement read = db.Prepare(
      "SELECT 1 FROM trial t JOIN result r ON r.trial_id = t.id "
      "WHERE t.identity = ?1 AND t.state = 'succeeded'");
  read.Bind(identity);
  return read.Step();
}

std::optional<double> ReadMeanSeconds(Database& db, const std::string& model,
                                      const std::string& task) {
  Statement read = db.Prepare(
      "SELECT avg(v.train_seconds + v.eval_seconds) FROM (SELECT train_seconds, eval_seconds "
      "FROM v_results WHERE model = ?1 AND task = ?2 ORDER BY trial_id DESC LIMIT 100) v");
  read.Bind(model, task);
  if (!read.Step()) return std::nullopt;
  return read.MaybeDouble(0);
}

}  // namespace sparsweep
