// `sparsweep verify`: what server/verify finds, as text or JSON.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/expecting_trainer.h"
#include "client/terminal.h"
#include "core/nearest.h"
#include "server/store/file.h"
#include "server/store/reader_pool.h"
#include "server/verify/verify.h"
#include "worker/worker.h"

namespace sparsweep {
namespace {

using Json = nlohmann::ordered_json;

struct Found {
  SweepId id = 0;
  std::string name;
};

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The sweeps that `text` names: a number, a name (its newest), or all.
Result<std::vector<SweepId>> Chosen(Database& db, const std::string& text) {
  std::vector<Found> sweeps;
  Statement read = db.Prepare("SELECT id, name FROM sweep WHERE deleting = 0 ORDER BY id");
  while (read.Step()) sweeps.push_back({read.Int(0), read.Text(1)});
  std::vector<SweepId> ids;
  if (text.empty() || text == "all") {
    for (const Found& sweep : sweeps) ids.push_back(sweep.id);
    return ids;
  }
  const std::string number = text.starts_with("sweeps/") ? text.substr(7) : text;
  std::vector<std::string> names;
  for (const Found& sweep : sweeps) {
    if (std::to_string(sweep.id) == number || sweep.name == text) ids = {sweep.id};
    names.push_back(sweep.name);
  }
  if (ids.empty()) {
    return Status(StatusCode::kNotFound,
                  "there is no sweep \"" + text + "\" in the database" + DidYouMean(text, names));
  }
  return ids;
}

Json ToJson(const Finding& finding) {
  Json json{{"kind", finding.kind}, {"message", finding.message}};
  if (finding.sweep != 0) json["sweep"] = finding.sweep;
  if (finding.cell) json["cell"] = *finding.cell;
  if (finding.trial != 0) json["trial"] = finding.trial;
  return json;
}

int64_t NotRecomputed(const SweepVerdict& verdict) {
  int64_t sum = 0;
  for (const auto& [why, results] : verdict.masks_not_recomputed) sum += results;
  return sum;
}

Json ToJson(const SweepVerdict& verdict) {
  return {{"sweep", verdict.sweep},
          {"name", verdict.name},
          {"state", verdict.state},
          {"cells", verdict.cells},
          {"aliases", verdict.aliases},
          {"trials", verdict.trials},
          {"states", verdict.states},
          {"masks_recomputed", verdict.masks_recomputed},
          {"masks_not_recomputed", NotRecomputed(verdict)},
          {"why_not_recomputed", verdict.masks_not_recomputed},
          {"digest", verdict.digest},
          {"note", verdict.note},
          {"findings", verdict.findings}};
}

std::string Where(const Finding& finding) {
  std::string where;
  const auto add = [&](const char* what, int64_t number) {
    where += fmt::format("{}{} {}", where.empty() ? "" : " ", what, number);
  };
  if (finding.sweep != 0) add("sweep", finding.sweep);
  if (finding.cell) add("cell", *finding.cell);
  if (finding.trial != 0) add("trial", finding.trial);
  return where.empty() ? "file" : where;
}

void Print(const SweepVerdict& verdict) {
  std::printf("%s %s  %s\n", Bold(fmt::format("sweep {}", verdict.sweep)).c_str(),
              verdict.name.c_str(), verdict.state.c_str());
  std::string states;
  for (const auto& [state, count] : verdict.states) {
    if (count > 0) states += fmt::format("{}{} {}", states.empty() ? ": " : ", ", count, state);
  }
  std::printf("  cells    %lld%s\n", static_cast<long long>(verdict.cells),
              verdict.aliases > 0
                  ? fmt::format(" ({} the same as another)", verdict.aliases).c_str()
                  : "");
  std::printf("  trials   %lld%s\n", static_cast<long long>(verdict.trials), states.c_str());
  std::printf("  masks    of %lld results recomputed, of %lld not\n",
              static_cast<long long>(verdict.masks_recomputed),
              static_cast<long long>(NotRecomputed(verdict)));
  for (const auto& [why, results] : verdict.masks_not_recomputed) {
    std::printf("           %lld: %s\n", static_cast<long long>(results), why.c_str());
  }
  if (!verdict.digest.empty()) std::printf("  digest   %s\n", verdict.digest.c_str());
  if (!verdict.note.empty()) std::printf("  note     %s\n", verdict.note.c_str());
}

}  // namespace

int Verify(const Options& options) {
  if (!options.server.empty()) {
    return Refuse(InvalidArgument("verify reads the file itself: name it with --db FILE"));
  }
  const std::string path = options.db.empty() ? kDefaultDb : options.db;
  Result<std::unique_ptr<Database>> db = OpenForReading(path);
  if (!db.ok()) return Refuse(db.status());
  const int64_t limit = options.limit > 0 ? options.limit : 1000;
  Json findings = Json::array(), sweeps = Json::array();
  int64_t total = 0;
  VerifyOptions verify;
  verify.now_ms = NowMs();
  ExpectingTrainer trainer(options.trainer.empty() ? DefaultTrainer() : options.trainer,
                           options.data);
  if (options.with_trainer) {
    verify.recompute = [&](const TrialSpec& spec, const TrialResult& stored) {
      return trainer.Expect(spec, stored);
    };
  }
  verify.on_finding = [&](const Finding& finding) {
    if (++total > limit) return;
    if (options.json) {
      findings.push_back(ToJson(finding));
    } else {
      std::printf("%s  %s: %s\n", Red(finding.kind).c_str(), Where(finding).c_str(),
                  finding.message.c_str());
    }
  };
  const Result<bool> done =
      ReaderPool::ReadNow<bool>(**db, [&](Database& rows) -> Result<bool> {
        const Result<std::vector<SweepId>> chosen = Chosen(rows, options.subject);
        if (!chosen.ok()) return chosen.status();
        if (options.subject.empty() || options.subject == "all") VerifyFile(rows, verify);
        for (const SweepId sweep : *chosen) {
          const Result<SweepVerdict> verdict = VerifySweep(rows, sweep, verify);
          if (!verdict.ok()) return verdict.status();
          if (options.json) {
            sweeps.push_back(ToJson(*verdict));
          } else {
            Print(*verdict);
          }
        }
        return true;
      });
  if (!done.ok()) return Refuse(done.status());
  if (options.json) {
    const Json report{{"database", path}, {"sweeps", sweeps}, {"total", total},
                      {"findings", findings}};
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else if (total == 0) {
    std::printf("%s: nothing is missing, extra, doubled or changed\n", Green("verified").c_str());
  } else {
    if (total > limit) {
      std::printf("... and %lld more; pass --limit\n", static_cast<long long>(total - limit));
    }
    std::printf("%s: %lld findings\n", Red("not verified").c_str(), static_cast<long long>(total));
  }
  return total == 0 ? kExitOk : kExitFindings;
}

}  // namespace sparsweep
