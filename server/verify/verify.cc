#include "server/verify/verify.h"

#include "core/sha256.h"
#include "core/sweep_spec.h"
#include "server/store/result_digest.h"
#include "server/verify/checks.h"

namespace sparsweep {
namespace {

constexpr int64_t kDigestGrace = 60'000;  // ms: the server stores it shortly after the end

struct Row {
  std::string name, state, spec, spec_digest, digest;
  bool expanded = false;
  bool closed = false;  // wants no trial any more: stopped before its end
  int64_t next_index = 0;
  std::optional<int64_t> ended_at;
};

std::optional<Row> ReadRow(Database& db, SweepId sweep) {
  Statement read = db.Prepare(
      "SELECT s.name, s.state, coalesce(p.spec, ''), s.spec_digest, coalesce(s.result_digest, ''), "
      "s.expanded, s.next_index, s.ended_at, s.closed FROM sweep s "
      "LEFT JOIN sweep_spec p ON p.sweep_id = s.id WHERE s.id = ?1 AND s.deleting = 0");
  read.Bind(sweep);
  if (!read.Step()) return std::nullopt;
  Row row;
  row.name = read.Text(0);
  row.state = read.Text(1);
  row.spec = read.Text(2);
  row.spec_digest = read.Text(3);
  row.digest = read.Text(4);
  row.expanded = read.Int(5) != 0;
  row.next_index = read.Int(6);
  row.ended_at = read.MaybeInt(7);
  row.closed = read.Int(8) != 0;
  return row;
}

void CheckSpec(Examination& x, const Row& row) {
  if (const std::string digest = Sha256Hex(row.spec); digest != row.spec_digest) {
    x.Report("wrong_spec", {}, 0,
             "the stored spec has the digest " + digest + ", submitted was " + row.spec_digest);
  }
  const Result<SweepSpec> spec = ParseSweepSpec(row.spec);
  if (!spec.ok()) {
    x.Report("wrong_spec", {}, 0, "the stored spec cannot be read: " + spec.status().message());
    return;
  }
  if (spec->name != row.name) {
    x.Report("wrong_spec", {}, 0,
             "the sweep is called \"" + row.name + "\", its spec \"" + spec->name + "\"");
  }
  std::optional<uint64_t> end;
  if (!row.expanded) end = static_cast<uint64_t>(row.next_index);
  CheckGrid(x, *spec, end);
}

// The sweep's state follows from its trials'.
void CheckLedger(Examination& x, const Row& row) {
  auto& states = x.verdict.states;
  if (row.state == "succeeded" && states["succeeded"] != x.verdict.trials) {
    x.Report("ledger", {}, 0,
             "the sweep is succeeded with " + std::to_string(states["succeeded"]) + " of " +
                 std::to_string(x.verdict.trials) + " trials");
  }
  const bool finished = row.state == "succeeded" || row.state == "failed";
  if (finished && row.state == "failed" && row.expanded && !row.closed &&
      x.verdict.trials > 0 && states["succeeded"] == x.verdict.trials) {
    x.Report("ledger", {}, 0, "the sweep is failed although every trial succeeded");
  }
  if (row.state == "succeeded" && !row.expanded) {
    x.Report("ledger", {}, 0, "the sweep is succeeded although its grid is not fully expanded");
  }
  if (finished != row.ended_at.has_value() && row.state != "cancelled") {
    x.Report("ledger", {}, 0,
             "the sweep is " + row.state + (row.ended_at ? " and has" : " and has no") +
                 " time of its end");
  }
}

void CheckDigest(Examination& x, const Row& row) {
  x.verdict.digest = row.digest;
  if ((row.state != "succeeded" && row.state != "failed") || row.closed) return;
  const std::string digest = ResultDigest(x.db, x.verdict.sweep);
  if (row.digest.empty()) {
    if (row.ended_at && x.options.now_ms - *row.ended_at <= kDigestGrace) {
      x.verdict.note = "the digest is not stored yet";
    } else {
      x.Report("digest", {}, 0,
               "the finished sweep has no digest; a server that starts on the file stores it");
    }
  } else if (digest != row.digest) {
    x.Report("digest", {}, 0,
             "what is stored has the digest " + digest + ", the sweep finished with " + row.digest);
  }
}

}  // namespace

Result<SweepVerdict> VerifySweep(Database& db, SweepId sweep, const VerifyOptions& options) {
  const std::optional<Row> row = ReadRow(db, sweep);
  if (!row) {
    return Status(StatusCode::kNotFound,
                  "there is no sweep " + std::to_string(sweep) + " in the database");
  }
  Examination x{db, options, {}};
  x.verdict.sweep = sweep;
  x.verdict.name = row->name;
  x.verdict.state = row->state;
  CheckSpec(x, *row);
  CheckTrials(x, row->state == "succeeded" || (row->state == "failed" && row->expanded));
  CheckLeases(x);
  CheckLedger(x, *row);
  CheckDigest(x, *row);
  return std::move(x.verdict);
}

int64_t VerifyFile(Database& db, const VerifyOptions& options) {
  int64_t findings = 0;
  const auto report = [&](std::string message) {
    ++findings;
    if (options.on_finding) options.on_finding({"damaged", 0, {}, 0, std::move(message)});
  };
  {
    Statement check = db.Prepare("PRAGMA integrity_check(100)");
    while (check.Step()) {
      if (check.Text(0) != "ok") report(check.Text(0));
    }
  }
  Statement orphans = db.Prepare("PRAGMA foreign_key_check");
  while (orphans.Step()) {
    report("row " + orphans.Text(1) + " of " + orphans.Text(0) + " refers to a row of " +
           orphans.Text(2) + " that is not there");
  }
  return findings;
}

}  // namespace sparsweep
