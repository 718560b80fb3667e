#include "server/store/restore.h"

#include <algorithm>

#include "server/store/names.h"
#include "server/store/options_json.h"

namespace sparsweep {
namespace {

void LoadSweeps(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT s.id, s.state, s.priority, s.next_index, s.expanded, "
      "(SELECT count(*) FROM cell c WHERE c.sweep_id = s.id), "
      "(SELECT count(*) FROM cell c WHERE c.sweep_id = s.id AND c.alias_of IS NOT NULL), "
      "s.weight, s.max_running, s.needs, s.time_limit_ms, s.idle_limit_ms, s.max_failed_share, "
      "s.fresh, s.closed, s.waiting_for "
      "FROM sweep s ORDER BY s.id");
  while (read.Step()) {
    StoredState::Sweep sweep;
    sweep.id = read.Int(0);
    sweep.state = SweepStateNamed(read.Text(1));
    sweep.options.priority = read.Int(2);
    sweep.next_index = read.Int(3);
    sweep.expanded = read.Int(4) != 0;
    sweep.cells = read.Int(5);
    sweep.aliases = read.Int(6);
    sweep.options.weight = read.Double(7);
    sweep.options.max_running = read.Int(8);
    sweep.options.needs = ParseNeeds(read.Text(9));
    sweep.options.time_limit = Duration(read.Int(10));
    sweep.options.idle_limit = Duration(read.Int(11));
    sweep.options.max_failed_share = read.Double(12);
    sweep.options.fresh = read.Int(13) != 0;
    sweep.closed = read.Int(14) != 0;
    sweep.waiting_for = read.Text(15);
    state->next_sweep = sweep.id + 1;
    state->sweeps.push_back(sweep);
  }
}

void LoadTrials(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT t.id, t.identity, t.state, t.charged, "
      "coalesce((SELECT max(a.number) FROM attempt a WHERE a.trial_id = t.id), 0), "
      "coalesce(t.reason, ''), t.generation, t.fence FROM trial t ORDER BY t.id");
  while (read.Step()) {
    state->trials.push_back({read.Int(0), read.Text(1), TrialStateNamed(read.Text(2)),
                             static_cast<int>(read.Int(3)), static_cast<int>(read.Int(4)),
                             ParseFailureReason(read.Text(5)), static_cast<int>(read.Int(6)),
                             static_cast<int>(read.Int(7))});
    state->next_trial = read.Int(0) + 1;
  }
}

// The best place of a trial in a sweep comes first; the others are skipped.
void LoadInterests(Database& db, StoredState* state) {
  Statement read = db.Prepare(
      "SELECT ct.sweep_id, ct.trial_id, c.is_baseline, ct.seed_rank, ct.cell, "
      "coalesce(i.wish, 'wanted') "
      "FROM cell_trial ct JOIN cell c ON c.sweep_id = ct.sweep_id AND c.cell = ct.cell "
      "LEFT JOIN interest i ON i.sweep_id = ct.sweep_id AND i.trial_id = ct.trial_id "
      "ORDER BY ct.sweep_id, ct.trial_id, c.is_baseline DESC, ct.seed_rank, ct.cell");
  while (read.Step()) {
    const StoredState::Interest interest{read.Int(0), read.Int(1), read.Int(2) != 0,
                                         static_cast<int>(read.Int(3)),
                                         static_cast<uint64_t>(read.Int(4)),
                                         WishNamed(read.Text(5))};
    if (!state->interests.empty() && state->interests.back().sweep == interest.sweep &&
        state->interests.back().trial == interest.trial) {
      continue;
    }
    state->interests.push_back(interest);
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
