#include "tests/power_cut/history.h"

#include "core/grid.h"
#include "core/sha256.h"
#include "core/trial.h"
#include "server/loop/expander.h"
#include "server/store/blobs.h"
#include "server/store/result_digest.h"
#include "tests/core/fake_resolver.h"
#include "tests/server/results.h"

namespace sparsweep {
std::string Contents(Database& db) {
  const Transaction transaction(db, Transaction::Kind::kRead);
  Sha256Hasher hasher;
  std::vector<std::string> tables;
  {
    Statement read =
        db.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    while (read.Step()) tables.push_back(read.Text(0));
  }
  for (const std::string& table : tables) {
    hasher.Update(table + "\n");
    Statement read = db.Prepare("SELECT * FROM \"" + table + "\"");
    while (read.Step()) {
      for (int i = 0; i < sqlite3_column_count(read.handle()); ++i) {
        const std::string value = read.Text(i);
        hasher.Update(std::to_string(sqlite3_column_type(read.handle(), i)) + ":" +
                      std::to_string(value.size()) + ":" + value);
      }
    }
  }
  return Hex(hasher.Finish());
}

History::History(Disk& disk, const std::string& path, std::function<void(StoreFile&)> prepare)
    : disk_(disk), path_(path), scheduler_(SchedulerOptions()) {
  Result<std::unique_ptr<StoreFile>> opened = StoreFile::Open(path);
  SPARSWEEP_CHECK(opened.ok());
  file_ = *std::move(opened);
  // Checkpoints, and a log that starts over, within a short life.
  file_->db().Execute("PRAGMA wal_autocheckpoint = 60");
  if (prepare) prepare(*file_);
  writer_ = std::make_unique<Writer>(file_->db());
  Acknowledge();
}

void History::Acknowledge() { acknowledged_.push_back({disk_.size(), Contents(file_->db())}); }

Instruction History::Apply(Event event) {
  now_ += std::chrono::milliseconds(10);
  const Result<std::vector<Effect>> effects = scheduler_.Apply(std::move(event), now_);
  SPARSWEEP_CHECK(effects.ok());
  Instruction instruction;
  for (const Effect& effect : *effects) {
    if (const auto* told = std::get_if<Instruction>(&effect)) {
      instruction = *told;
      continue;
    }
    SPARSWEEP_CHECK(writer_->Begin(now_.time_since_epoch().count()).ok());
    SPARSWEEP_CHECK(writer_->Write(effect).ok());
  }
  return instruction;
}

void History::Commit() {
  SPARSWEEP_CHECK(writer_->Commit().ok());
  Acknowledge();
}

void History::Submit(int first_window, int windows) {
  std::string axis;
  for (int w = 0; w < windows; ++w) {
    axis += (w > 0 ? ", " : "") + std::to_string(first_window + w);
  }
  const SweepSpec spec = ParseSweepSpec(SweepFile(R"j("attention": "window($w)", "seeds": 1, )j"
                                                  R"j("axes": {"w": [)j" +
                                                  axis + "]}"))
                             .value();
  FakeResolver resolver;
  Grid grid = Grid::Make(spec, resolver).value();
  SpecParts specs(spec);
  SweepSubmitted submitted;
  submitted.name = spec.name;
  submitted.spec_json = SweepSpecToJson(spec);
  submitted.spec_digest = Sha256Hex(submitted.spec_json);
  Apply(std::move(submitted));
  Commit();
  ++sweeps_;
  for (uint64_t index = 0; index < grid.end_index();) {
    CellsExpanded chunk;
    chunk.sweep = sweeps_;
    for (int some = 0; some < 4 && index < grid.end_index(); ++some, ++index) {
      std::optional<Cell> cell = grid.At(index).value();
      if (cell) chunk.cells.push_back(ToExpanded(*std::move(cell), spec, specs));
    }
    chunk.next_index = index;
    chunk.last = index == grid.end_index();
    Apply(std::move(chunk));
    Commit();
  }
}

Instruction History::Sync(std::vector<EndedAttempt> ended) {
  WorkerSynced sync;
  sync.worker = "w";
  sync.incarnation = "one";
  sync.sequence = ++sequence_;
  sync.slots = 3;
  sync.labels_json = "{}";
  for (const AttemptId& attempt : running_) {
    SlotReport slot;
    slot.attempt = attempt;
    sync.running.push_back(slot);
  }
  sync.ended = std::move(ended);
  const Instruction told = Apply(std::move(sync));
  running_ = told.run;
  return told;
}

std::string History::StoreBlob(const std::string& bytes) {
  BlobWriter blob(path_ + ".blobs", Sha256Hex(bytes));
  SPARSWEEP_CHECK(blob.Append(bytes).ok() && blob.Finish().ok());
  SPARSWEEP_CHECK(writer_->Begin(now_.time_since_epoch().count()).ok());
  SPARSWEEP_CHECK(writer_->WriteBlob(blob.sha256(), blob.size(), blob.small()).ok());
  Commit();
  return blob.sha256();
}

void History::Succeed(const AttemptId& attempt, size_t log_bytes) {
  EndedAttempt ended;
  ended.attempt = attempt;
  const TrialResult result =
      AttestedResult(writer_->TrialSpecJson(attempt.trial).value(),
                     1.0 / static_cast<double>(attempt.trial + attempt.number));
  ended.result_json = TrialResultToJson(result);
  ended.head = {result.metric, result.value, result.density, result.attestation_root};
  if (log_bytes > 0) {
    std::string log;
    while (log.size() < log_bytes) log += Sha256Hex(log.substr(log.size() / 2));
    ended.log_blob = StoreBlob(log + std::to_string(attempt.trial));
  }
  std::erase(running_, attempt);
  SPARSWEEP_CHECK(writer_->Begin(now_.time_since_epoch().count()).ok());
  std::vector<MetricPoint> points;
  for (int step = 1; step <= 20; ++step) {
    points.push_back({"train/loss", step, step / 20.0, 1.0 / step});
  }
  SPARSWEEP_CHECK(writer_->WriteMetrics(attempt, points).ok());
  Sync({ended});
  Commit();
}

void History::Fail(const AttemptId& attempt, FailureReason reason) {
  EndedAttempt ended;
  ended.attempt = attempt;
  ended.failure = reason;
  ended.message = "it failed on purpose";
  std::erase(running_, attempt);
  Sync({ended});
  Commit();
}

void History::Live() {
  Submit(0, 10);
  Sync();
  Commit();
  Succeed(running_.at(0), 100);
  Fail(running_.at(0), FailureReason::kCrashed);
  Succeed(running_.at(0), 200'000);  // a blob that is a file
  Fail(running_.at(0), FailureReason::kDiverged);
  Submit(6, 8);  // four trials are those of sweep 1
  now_ += std::chrono::minutes(1);
  Apply(TimePassed{});  // leases lapse
  Commit();
  Sync();  // and are taken up again
  Commit();
  for (int i = 0; !running_.empty(); ++i) {
    SPARSWEEP_CHECK(i < 100);
    Succeed(running_.front(), i % 5 == 1 ? 90'000 : i % 2 == 1 ? 3'000 : 0);
    now_ += std::chrono::seconds(2);  // back-offs pass
    if (running_.empty()) Sync();
  }
  for (const SweepId sweep : {1, 2}) {
    SPARSWEEP_CHECK(writer_->Begin(now_.time_since_epoch().count()).ok());
    const int64_t revision = [&] {
      Statement read = file_->db().Prepare("SELECT revision FROM sweep WHERE id = ?1");
      read.Bind(sweep);
      SPARSWEEP_CHECK(read.Step());
      return read.Int(0);
    }();
    const std::string digest = ResultDigest(file_->db(), sweep);
    SPARSWEEP_CHECK(writer_->WriteResultDigest(sweep, revision, digest).ok());
    Commit();
  }
  file_->Checkpoint();
  Acknowledge();
}

}  // namespace sparsweep
