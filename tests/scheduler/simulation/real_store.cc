#include "tests/scheduler/simulation/real_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <variant>

#include "core/sha256.h"
#include "core/trial.h"
#include "server/store/reads.h"
#include "server/store/restore.h"
#include "server/store/result_digest.h"
#include "server/verify/checks.h"
#include "tests/scheduler/simulation/failing_disk.h"

namespace sparsweep::testing {
namespace {

constexpr char kTrialSpec[] =  // what the columns made of it need
    R"({"kind":"finetune","model":"tiny","task":{"name":"toy"},"attention":"dense","seed":1})";

int64_t UnixMs(Instant now) { return now.time_since_epoch().count(); }

std::string RealResult(const std::string& word) {
  TrialResult result;
  result.metric = "accuracy";
  result.metrics = {{"accuracy", 0}};
  result.device = word;
  result.attestation_root = Sha256Hex(word);
  return TrialResultToJson(result);
}

std::string WordOf(const std::string& result_json) {
  const Result<TrialResult> result = ParseTrialResult(result_json);
  return result.ok() ? result->device : "unreadable: " + result.status().message();
}

Effect Real(Effect effect) {
  if (auto* created = std::get_if<SweepCreated>(&effect)) {
    created->submitted.spec_json = "{}";
  } else if (auto* cell = std::get_if<CellAdded>(&effect)) {
    cell->cell.axes_json = "{}";
    cell->cell.common_spec = std::make_shared<const std::string>(kTrialSpec);
    cell->cell.training_json = "{}";
  } else if (auto* ended = std::get_if<AttemptEnded>(&effect)) {
    if (ended->result_json.empty()) return effect;
    ended->head = {"accuracy", 0, 0, Sha256Hex(ended->result_json)};
    ended->result_json = RealResult(ended->result_json);
  }
  return effect;
}

}  // namespace

RealStore::RealStore(uint64_t seed) : random_(seed) {
  FailingDisk::Install();
  FailingDisk::Mend();
  folder_ = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
  folder_ += "/sparsweep-simulation-XXXXXX";
  SPARSWEEP_CHECK(mkdtemp(folder_.data()) != nullptr);
  Open();
}

RealStore::~RealStore() {
  FailingDisk::Mend();
  writer_.reset();
  file_.reset();
  std::filesystem::remove_all(folder_);
}

void RealStore::Open() {
  Result<std::unique_ptr<StoreFile>> file =
      StoreFile::Open(folder_ + "/" + std::to_string(kills_) + ".db");
  SPARSWEEP_CHECK(file.ok());
  file_ = *std::move(file);
  writer_ = std::make_unique<Writer>(file_->db());
}

Status RealStore::Write(const std::vector<Effect>& effects, size_t many, Instant now) {
  if (Status status = writer_->Begin(UnixMs(now)); !status.ok()) return status;
  for (size_t i = 0; i < many; ++i) {
    if (Status status = writer_->Write(Real(effects[i])); !status.ok()) return status;
  }
  return {};
}

Law RealStore::Commit(const std::vector<Effect>& effects, Instant now) {
  Status status = Write(effects, effects.size(), now);
  if (status.ok()) status = writer_->Commit().status();
  if (status.ok()) status = StoreDigests(now);
  if (status.ok()) return std::nullopt;
  return "the store refuses a batch: " + status.message();
}

Status RealStore::StoreDigests(Instant now) {
  for (const SweepId sweep : ReadWithoutDigest(file_->db())) {
    if (Status status = writer_->Begin(UnixMs(now)); !status.ok()) return status;
    const int64_t revision = writer_->RevisionOf(sweep).value().value();
    const std::string digest = ResultDigest(file_->db(), sweep);
    if (const auto written = writer_->WriteResultDigest(sweep, revision, digest); !written.ok()) {
      return written.status();
    }
    if (Status status = writer_->Commit().status(); !status.ok()) return status;
  }
  return {};
}

Law RealStore::Fail(const std::vector<Effect>& effects, Failure how, Instant now) {
  const bool killed = how == Failure::kKilled;
  if (killed && random_() % 2 == 0) {  // before it commits, else within
    (void)Write(effects, random_() % (effects.size() + 1), now);
    return Kill();
  }
  if (how == Failure::kCommitFailed) {
    FailingDisk::FailSync();
  } else {
    FailingDisk::Fill(static_cast<int>(random_() % 40));
  }
  Status status = Write(effects, effects.size(), now);
  if (status.ok()) status = writer_->Commit().status();
  const bool writes = std::ranges::any_of(
      effects, [](const Effect& effect) { return !std::holds_alternative<Instruction>(effect); });
  if (killed || how == Failure::kCommitFailed) FailingDisk::Mend();
  if (killed) return Kill();
  writer_->Abandon();
  if (status.ok() && writes) return "a commit that failed does not say so";
  if (how == Failure::kCommitFailed && !writer_->Probe().ok()) return "the probe does not write";
  return std::nullopt;
}

Law RealStore::Mend() {
  if (writer_->Probe().ok()) return "the probe writes on a full disk";
  FailingDisk::Mend();
  const Status status = writer_->Probe();
  if (status.ok()) return std::nullopt;
  return "the store cannot be written after the disk was full: " + status.message();
}

// The next process finds the files as they are now, without a word from this one.
Law RealStore::Kill() {
  const std::string from = folder_ + "/" + std::to_string(kills_++) + ".db";
  const std::string to = folder_ + "/" + std::to_string(kills_) + ".db";
  for (const char* suffix : {"", "-wal"}) {
    std::error_code none;  // a file without a log is whole
    std::filesystem::copy_file(from + suffix, to + suffix, none);
  }
  writer_.reset();
  file_.reset();
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(from + suffix);
  Open();
  return std::nullopt;
}

StoredState RealStore::Read(Instant now) {
  Result<StoredState> state = LoadState(file_->db(), UnixMs(now));
  SPARSWEEP_CHECK(state.ok());
  return *std::move(state);
}

Law RealStore::Compare(const StoreModel& store) {
  std::map<std::pair<TrialId, int>, std::string> want, have;
  for (const auto& [id, trial] : store.trials()) {
    if (trial.result) want[{id, trial.accepted}] = "accepted " + *trial.result;
    for (const auto& [number, word] : trial.replicates) {
      want[{id, number}] = (trial.stale.contains(number) ? "stale " : "replicate ") + word;
    }
  }
  Statement read = file_->db().Prepare(
      "SELECT r.trial_id, r.attempt, 'accepted ', d.detail FROM result r "
      "JOIN result_detail d ON d.trial_id = r.trial_id UNION ALL "
      "SELECT trial_id, attempt, iif(stale, 'stale ', 'replicate '), detail FROM replicate");
  while (read.Step()) {
    have[{read.Int(0), static_cast<int>(read.Int(1))}] = read.Text(2) + WordOf(read.Text(3));
  }
  if (have != want) return "the results in the database are not those of the model";
  return Verify();
}

Law RealStore::Verify() {
  Law first;
  VerifyOptions options;
  options.on_finding = [&](const Finding& finding) {
    if (!first) first = "verify: " + finding.kind + ": " + finding.message;
  };
  VerifyFile(file_->db(), options);
  std::vector<SweepId> sweeps;
  {
    Statement read = file_->db().Prepare("SELECT id FROM sweep");
    while (read.Step()) sweeps.push_back(read.Int(0));
  }
  for (const SweepId sweep : sweeps) {
    Examination examination{file_->db(), options, {}};
    examination.verdict.sweep = sweep;
    CheckLeases(examination);
    if (first) break;
    first = BrokenDigest(sweep);
  }
  return first;
}

// Nothing that happens to others changes what a sweep finished with.
Law RealStore::BrokenDigest(SweepId sweep) {
  std::string digest;
  {
    Statement read = file_->db().Prepare(
        "SELECT result_digest FROM sweep WHERE id = ?1 AND state IN ('succeeded', 'failed') "
        "AND deleting = 0 AND closed = 0 AND result_digest IS NOT NULL");
    read.Bind(sweep);
    if (!read.Step()) return std::nullopt;
    digest = read.Text(0);
  }
  if (ResultDigest(file_->db(), sweep) == digest) return std::nullopt;
  return "the digest of sweep " + std::to_string(sweep) + " is not what it finished with";
}

}  // namespace sparsweep::testing
