#include "server/store/kept_models.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/model_config.h"
#include "core/statistics.h"
#include "server/store/blobs.h"
#include "server/store/file.h"
#include "server/store/reader_pool.h"
#include "server/store/sqlite.h"

namespace sparsweep {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;

std::optional<int64_t> Number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<ResolvedModel> OfTrial(Database& db, const std::string& blobs, const std::string& name,
                              int64_t trial) {
  Statement read = db.Prepare(
      "SELECT d.detail -> '$.checkpoint' FROM result r "
      "JOIN result_detail d ON d.trial_id = r.trial_id WHERE r.trial_id = ?1");
  read.Bind(trial);
  if (!read.Step()) {
    return Status(StatusCode::kNotFound,
                  "model \"" + name + "\": trial " + std::to_string(trial) + " has no result");
  }
  if (read.IsNull(0)) {
    return Status(StatusCode::kFailedPrecondition,
                  "model \"" + name + "\": trial " + std::to_string(trial) +
                      " kept no weights; run its sweep with \"keep\": \"best\" or \"last\"");
  }
  const auto checkpoint = nlohmann::json::parse(read.Text(0));
  ResolvedModel model;
  model.name = "trial:" + std::to_string(trial);
  model.fingerprint = checkpoint.at("fingerprint");
  model.files = checkpoint.at("files").get<std::map<std::string, std::string>>();
  const auto config = model.files.find("config.json");
  if (config == model.files.end()) {
    return Status(StatusCode::kDataLoss, "model \"" + name + "\" has no config.json");
  }
  auto text = ReadBlobPiece(db, blobs, config->second, 0, kMaxConfigBytes);
  if (!text.ok()) return text.status();
  if (Status read_config = ReadModelConfig(*text, &model); !read_config.ok()) return read_config;
  return model;
}

// The trial that a sweep's best cell is known by: of the cell with the best mean, the best one.
Result<int64_t> BestOf(Database& db, const std::string& name, const std::string& sweep) {
  Statement find = db.Prepare(
      "SELECT id, state FROM sweep WHERE (id = ?1 OR name = ?2) AND deleting = 0 "
      "ORDER BY id DESC LIMIT 1");
  find.Bind(Number(sweep), sweep);
  if (!find.Step()) {
    return Status(StatusCode::kNotFound, "model \"" + name + "\": there is no sweep " + sweep);
  }
  const int64_t id = find.Int(0);
  if (const std::string state = find.Text(1); state != "succeeded") {
    return Status(StatusCode::kFailedPrecondition,
                  "model \"" + name + "\": sweep " + std::to_string(id) + " is " + state +
                      "; its best cell is known when all have succeeded, until then name a trial");
  }
  struct Best {
    double value = 0;
    int64_t trial = 0;
  };
  std::vector<Measurement> measurements;
  std::map<uint64_t, Best> best_of;
  Statement read = db.Prepare(
      "SELECT c.cell, c.trial_id, r.metric, r.value, t.seed, t.mask_seed FROM cell_trial c "
      "JOIN result r ON r.trial_id = c.trial_id JOIN trial t ON t.id = c.trial_id "
      "WHERE c.sweep_id = ?1 ORDER BY c.cell, c.trial_id");
  read.Bind(id);
  while (read.Step()) {
    const auto cell = static_cast<uint64_t>(read.Int(0));
    const double value = LowerIsBetter(read.Text(2)) ? -read.Double(3) : read.Double(3);
    measurements.push_back({cell, static_cast<uint64_t>(read.Int(4)),
                            read.IsNull(5) ? 0 : static_cast<uint64_t>(read.Int(5)), value});
    const auto [best, first] = best_of.try_emplace(cell, Best{value, read.Int(1)});
    if (!first && value > best->second.value) best->second = {value, read.Int(1)};
  }
  const std::map<uint64_t, CellSummary> cells = Summarize(measurements);
  const auto best = std::ranges::max_element(
      cells, {}, [](const auto& cell) { return cell.second.mean; });  // the first of equal ones
  if (best == cells.end()) {
    return Status(StatusCode::kFailedPrecondition,
                  "model \"" + name + "\": sweep " + std::to_string(id) + " has no result");
  }
  return best_of.at(best->first).trial;
}

}  // namespace

Result<ResolvedModel> KeptModels::Model(const std::string& name) {
  const bool trial = name.starts_with("trial:"), best = name.starts_with("best:");
  if (!trial && !best) return catalog_.Model(name);
  auto db = OpenForReading(db_);
  if (!db.ok()) return db.status();
  return ReaderPool::ReadNow<ResolvedModel>(**db, [&](Database& rows) -> Result<ResolvedModel> {
    const std::string subject = name.substr(name.find(':') + 1);
    if (best) {
      auto of = BestOf(rows, name, subject);
      if (!of.ok()) return of.status();
      return OfTrial(rows, blob_folder_, name, *of);
    }
    const auto number = Number(subject);
    if (!number) return InvalidArgument("model \"" + name + "\": \"" + subject + "\" is no trial");
    return OfTrial(rows, blob_folder_, name, *number);
  });
}

Result<ResolvedModel> KeptModels::ModelWithoutWeights(const std::string& name) {
  if (!name.starts_with("trial:") && !name.starts_with("best:")) {
    return catalog_.ModelWithoutWeights(name);
  }
  return InvalidArgument("model \"" + name +
                         "\" is weights that were kept, and init is \"random\"; name its config's "
                         "model, or leave init out");
}

}  // namespace sparsweep
