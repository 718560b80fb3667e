// The power fails between any two writes: what was acknowledged is there, and nothing half done is.
//
// After every cut the file opens and verifies (server/verify), equals in every row the state after
// a commit, and that commit is not older than the newest acknowledged one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/sha256.h"
#include "server/store/blobs.h"
#include "server/store/restore.h"
#include "server/verify/verify.h"
#include "tests/power_cut/disk.h"
#include "tests/power_cut/history.h"

namespace sparsweep {
namespace {

class TempFolder {
 public:
  TempFolder() {
    // Memory where there is any: hundreds of files are made.
    std::string name = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    name += "/sparsweep-power-cut-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

// What is wrong with an opened database, in a sentence; empty if nothing is.
std::string Wrong(StoreFile& file) {
  Database& db = file.db();
  std::string found;
  VerifyOptions verify;
  verify.on_finding = [&](const Finding& finding) {
    if (found.empty()) found = finding.kind + ": " + finding.message;
  };
  VerifyFile(db, verify);
  std::vector<SweepId> sweeps;
  {
    Statement read = db.Prepare("SELECT id FROM sweep");
    while (read.Step()) sweeps.push_back(read.Int(0));
  }
  for (const SweepId sweep : sweeps) {
    const Result<SweepVerdict> verdict = VerifySweep(db, sweep, verify);
    if (!verdict.ok()) return verdict.status().message();
  }
  if (!found.empty()) return found;
  {
    Statement blobs = db.Prepare("SELECT sha256, size FROM blob");
    while (blobs.Step()) {
      const Result<std::string> bytes =
          ReadBlobPiece(db, db.path() + ".blobs", blobs.Text(0), 0, blobs.Int(1) + 1);
      if (!bytes.ok()) return bytes.status().message();
      if (Sha256Hex(*bytes) != blobs.Text(0)) return "the blob " + blobs.Text(0) + " is damaged";
    }
  }
  const Result<StoredState> stored = LoadState(db, 0);
  if (!stored.ok()) return stored.status().message();
  const Scheduler scheduler = Scheduler::Restore(SchedulerOptions(), *stored, Instant());
  for (const StoredState::Sweep& sweep : stored->sweeps) {
    const std::optional<Coverage> c = scheduler.CoverageOf(sweep.id);
    if (!c || c->trials != c->queued + c->running + c->succeeded + c->failed + c->cancelled) {
      return "the ledger of a sweep does not add up";
    }
  }
  return "";
}

class PowerCut : public ::testing::Test {
 protected:
  PowerCut() { std::filesystem::create_directory(Path("life")); }

  std::string Path(const std::string& name) const { return folder_.path + "/" + name; }

  void Live(std::function<void(StoreFile&)> prepare = {}) {
    const RecordingVfs vfs;
    disk_ = std::make_unique<Disk>(Path("life"));
    history_ = std::make_unique<History>(*disk_, Path("life") + "/a.db", std::move(prepare));
    history_->Live();
    acknowledged_ = history_->acknowledged();
    end_ = disk_->size();
    history_.reset();
  }

  // What is wrong after a cut before operation `n`.
  std::string After(size_t n, Loss loss, uint64_t seed) {
    const std::string root = Path("cut");
    WriteOut(disk_->After(n, loss, seed), root);
    std::string wrong;
    {
      const Result<std::unique_ptr<StoreFile>> file = StoreFile::Open(root + "/a.db");
      if (!file.ok()) {
        wrong = file.status().message();
      } else {
        wrong = Guard([&] { return Wrong(**file) + Older(n, Contents((*file)->db())); }).value();
      }
    }
    std::filesystem::remove_all(root);
    if (wrong.empty()) return "";
    return "cut before operation " + std::to_string(n) + ", loss " +
           std::to_string(static_cast<int>(loss)) + ", seed " + std::to_string(seed) + ": " + wrong;
  }

  std::string Older(size_t n, const std::string& contents) const {
    size_t newest = 0, found = 0;
    bool any = false;
    for (size_t i = 0; i < acknowledged_.size(); ++i) {
      if (acknowledged_[i].operation <= n) newest = i;
      if (acknowledged_[i].contents != contents) continue;
      found = i;
      any = true;
    }
    if (!any) return "it is in a state that never was committed";
    if (found >= newest) return "";
    return "commit " + std::to_string(newest) + " was acknowledged, but it has only " +
           std::to_string(found);
  }

  // How many of the cuts at all syncs, and of `random` others, leave something wrong.
  int Cuts(int random, std::string* first) {
    int wrong = 0;
    const auto cut = [&](size_t n, Loss loss, uint64_t seed) {
      const std::string what = After(n, loss, seed);
      if (what.empty()) return;
      if (wrong++ == 0) *first = what;
    };
    cuts_ = 0;
    for (size_t n = 0; n <= end_; ++n) {
      if (n < end_ && !disk_->IsSync(n)) continue;
      cuts_ += 3;
      cut(n, Loss::kEverything, 0);
      cut(n, Loss::kRandom, n);
      cut(n, Loss::kGarbage, n);
    }
    std::mt19937_64 draw(20);
    for (int i = 0; i < random; ++i) {
      ++cuts_;
      cut(draw() % (end_ + 1), static_cast<Loss>(draw() % 4), draw());
    }
    return wrong;
  }

  TempFolder folder_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<History> history_;
  std::vector<History::Acknowledged> acknowledged_;
  size_t end_ = 0;
  int cuts_ = 0;
};

TEST_F(PowerCut, LeavesWhatWasAcknowledgedAndNothingHalfDone) {
  Live();
  std::string first;
  EXPECT_EQ(Cuts(300, &first), 0) << first;
  // The life was one worth cutting: commits, checkpoints and syncs enough.
  EXPECT_GE(acknowledged_.size(), 30u);
  EXPECT_GE(cuts_, 400);
  RecordProperty("cuts", cuts_);
  std::printf("%d cuts in a life of %zu operations and %zu commits\n", cuts_, end_,
              acknowledged_.size());
}

// The check sees a store that acknowledges before its log is synced.
TEST_F(PowerCut, IsSeenWhereCommitsAreNotSynced) {
  Live([](StoreFile& file) { file.db().Execute("PRAGMA synchronous = NORMAL"); });
  std::string first;
  EXPECT_GT(Cuts(0, &first), 10);
  EXPECT_THAT(first, ::testing::HasSubstr("was acknowledged, but it has only"));
}

// And one that writes its pages before its log is safe.
TEST_F(PowerCut, IsSeenWhereNothingIsSynced) {
  Live([](StoreFile& file) { file.db().Execute("PRAGMA synchronous = OFF"); });
  std::string first;
  EXPECT_GT(Cuts(100, &first), 10);
}

}  // namespace
}  // namespace sparsweep
