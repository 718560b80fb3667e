#include "server/store/restore.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "server/store/names.h"
#include "server/store/options_json.h"

namespace sparsweep {
namespace {

void LoadSweeps(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT s.id, s.state, s.priority, s.next_index, s.expanded, "
      "(SELECT count(*) FROM cell c WHERE c.sweep_id = s.id AND c.alias_of IS NOT NULL "
      "AND NOT s.deleting), "
      "s.weight, s.max_running, s.needs, s.time_limit_ms, s.idle_limit_ms, s.max_failed_share, "
      "s.fresh, s.closed, s.waiting_for, s.deleting, "
      // The cells of the others are counted beside their trials (LoadInterests).
      "CASE WHEN s.deleting THEN (SELECT count(*) FROM cell c WHERE c.sweep_id = s.id) END "
      "FROM sweep s ORDER BY s.id");
  while (read.Step()) {
    StoredState::Sweep sweep;
    sweep.id = read.Int(0);
    sweep.state = SweepStateNamed(read.Text(1));
    sweep.options.priority = read.Int(2);
    sweep.next_index = read.Int(3);
    sweep.expanded = read.Int(4) != 0;
    sweep.aliases = read.Int(5);
    sweep.options.weight = read.Double(6);
    sweep.options.max_running = read.Int(7);
    sweep.options.needs = ParseNeeds(read.Text(8));
    sweep.options.time_limit = Duration(read.Int(9));
    sweep.options.idle_limit = Duration(read.Int(10));
    sweep.options.max_failed_share = read.Double(11);
    sweep.options.fresh = read.Int(12) != 0;
    sweep.closed = read.Int(13) != 0;
    sweep.waiting_for = read.Text(14);
    sweep.deleting = read.Int(15) != 0;
    sweep.cells = read.Int(16);
    state->next_sweep = sweep.id + 1;
    state->sweeps.push_back(sweep);
  }
}

void LoadTrials(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT id, identity, state, charged, coalesce(reason, ''), generation, fence "
      "FROM trial ORDER BY id");
  Statement attempts = db.Prepare(
      "SELECT trial_id, max(number) FROM attempt GROUP BY trial_id ORDER BY trial_id");
  bool more = attempts.Step();
  while (read.Step()) {
    const TrialId id = read.Int(0);
    while (more && attempts.Int(0) < id) more = attempts.Step();
    const int highest = more && attempts.Int(0) == id ? static_cast<int>(attempts.Int(1)) : 0;
    state->trials.push_back({id, read.Text(1), TrialStateNamed(read.Text(2)),
                             static_cast<int>(read.Int(3)), highest,
                             ParseFailureReason(read.Text(4)), static_cast<int>(read.Int(5)),
                             static_cast<int>(read.Int(6))});
    state->next_trial = id + 1;
  }
}

std::set<std::pair<SweepId, uint64_t>> BaselineCells(Database& db) {
  std::set<std::pair<SweepId, uint64_t>> cells;
  Statement read = db.Prepare("SELECT sweep_id, cell FROM cell WHERE is_baseline = 1");
  while (read.Step()) cells.emplace_hint(cells.end(), read.Int(0), read.Int(1));
  return cells;
}

// The best place of a trial in a sweep counts: a baseline, then a low seed rank, then a low cell.
// Read in the order of the primary key and sorted here: a join and a sort by SQLite take several
// times as long, and a million rows are waited for at every start.
void LoadInterests(Database& db, StoredState* state) {
  const std::set<std::pair<SweepId, uint64_t>> baselines = BaselineCells(db);
  std::vector<StoredState::Interest>& all = state->interests;
  std::map<SweepId, int64_t> cells;
  {
    Statement read = db.Prepare(
        "SELECT sweep_id, cell, trial_id, seed_rank FROM cell_trial "
        "ORDER BY sweep_id, cell, trial_id");
    std::pair<SweepId, uint64_t> cell{0, 0};
    bool is_baseline = false;
    while (read.Step()) {
      const std::pair<SweepId, uint64_t> here{read.Int(0), static_cast<uint64_t>(read.Int(1))};
      if (cells.empty() || here != cell) {
        cell = here;
        ++cells[here.first];
        is_baseline = baselines.contains(here);
      }
      StoredState::Interest interest;
      interest.sweep = here.first;
      interest.trial = read.Int(2);
      interest.is_baseline = is_baseline;
      interest.seed_rank = static_cast<int>(read.Int(3));
      interest.cell = here.second;
      all.push_back(interest);
    }
  }
  const auto place = [](const StoredState::Interest& i) {
    return std::tuple(i.sweep, i.trial, !i.is_baseline, i.seed_rank, i.cell);
  };
  std::sort(all.begin(), all.end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const auto& a, const auto& b) {
                          return a.sweep == b.sweep && a.trial == b.trial;
                        }),
            all.end());
  Statement wishes = db.Prepare("SELECT sweep_id, trial_id, wish FROM interest");
  while (wishes.Step()) {
    const std::pair<SweepId, TrialId> key{wishes.Int(0), wishes.Int(1)};
    const auto found =
        std::lower_bound(all.begin(), all.end(), key, [](const auto& a, const auto& k) {
          return std::pair(a.sweep, a.trial) < k;
        });
    if (found != all.end() && std::pair(found->sweep, found->trial) == key) {
      found->wish = WishNamed(wishes.Text(2));
    }
  }
  for (StoredState::Sweep& sweep : state->sweeps) {
    if (!sweep.deleting) sweep.cells = cells[sweep.id];
  }
}

void LoadAttempts(Database& db, int64_t now_ms, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT trial_id, number, worker, incarnation, coalesce(sweep_id, 0), state, started_at "
      "FROM attempt "
      "WHERE state IN ('running', 'lost', 'cancelled') ORDER BY trial_id, number");
  while (read.Step()) {
    StoredState::LiveAttempt attempt{{read.Int(0), static_cast<int>(read.Int(1))},
                                     read.Text(2),
                                     read.Text(3),
                                     read.Int(4),
                                     Duration(std::max<int64_t>(0, now_ms - read.Int(6)))};
    (read.Text(5) == "running" ? state->live : state->ended).push_back(std::move(attempt));
  }
}

void LoadWorkers(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT name, incarnation, state, slots, labels, offer, drain_requested FROM worker "
      "WHERE state IN ('online', 'draining', 'quarantined') ORDER BY name");
  while (read.Step()) {
    state->workers.push_back({read.Text(0), read.Text(1), read.Text(2),
                              static_cast<int>(read.Int(3)), read.Text(4), ParseOffer(read.Text(5)),
                              read.Int(6) != 0});
  }
}

void LoadNumbers(Database& db, StoredState* state) {
  Statement read = db.Prepare("SELECT what, highest FROM numbers");
  while (read.Step()) {
    int64_t& next = read.Text(0) == "sweep" ? state->next_sweep : state->next_trial;
    next = std::max(next, read.Int(1) + 1);
  }
}

}  // namespace

Result<StoredState> LoadState(Database& db, int64_t now_ms) {
  return Guard([&] {
    const Transaction transaction(db, Transaction::Kind::kRead);
    StoredState state;
    LoadSweeps(db, &state);
    LoadTrials(db, &state);
    LoadInterests(db, &state);
    LoadAttempts(db, now_ms, &state);
    LoadWorkers(db, &state);
    LoadNumbers(db, &state);
    return state;
  });
}

}  // namespace sparsweep
