// PreviewSweep: the whole grid as a dry run (server/services/local_api.h).
#include <map>
#include <set>
#include <unordered_set>

#include "core/mask.h"
#include "core/plan.h"
#include "core/sha256.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/services/plan_notes.h"

namespace sparsweep {
namespace {

constexpr int kSmallLengths = 32;      // equal masks for 1..32 and max_length: a warning
constexpr size_t kComparedPlans = 50;  // distinct plans that are compared by their masks

// What the masks of a plan are for the lengths that are compared. Plans whose masks depend on more
// than the length are left out: on a seed, a text, what is learnt or counted.
std::string MaskPrint(const std::string& canonical, const PlanContext& context) {
  const Result<Plan> plan = Plan::Resolve(canonical, context);
  if (!plan.ok() || plan->draws() || plan->per_example() || plan->learned() || plan->weighted()) {
    return "";
  }
  Sha256Hasher hasher;
  std::map<const Pattern*, std::string> seen;  // equal patterns are shared within a plan
  for (int layer = 0; layer < plan->layers(); ++layer) {
    for (int head = 0; head < plan->heads(); ++head) {
      std::string& print = seen[&plan->at(layer, head)];
      if (print.empty()) {
        Sha256Hasher one;
        for (int n = 1; n <= kSmallLengths + 1; ++n) {
          const int length = n <= kSmallLengths ? n : context.max_length;
          const Digest digest =
              BuildMask(plan->at(layer, head), length,
                        {0, layer, head, context.max_length})
                  .Sha256();
          one.Update(digest.data(), digest.size());
        }
        print = Hex(one.Finish());
      }
      hasher.Update(print);
    }
  }
  return Hex(hasher.Finish());
}


class Previewer {
 public:
  Previewer(Grid grid, int32_t max_cells) : grid_(std::move(grid)), max_cells_(max_cells) {}

  Result<v1::PreviewSweepResponse> Run(Database& db) {
    response_.set_combinations(static_cast<int64_t>(grid_.combinations()));
    for (const std::string& name : grid_.display_order()) response_.add_axis_names(name);
    for (uint64_t index = 0; index < grid_.end_index(); ++index) {
      Result<std::optional<Cell>> cell = grid_.At(index);
      if (!cell.ok()) return WithPrefix("spec", cell.status());
      if (*cell) {
        Count(db, **cell);
      } else if (index < grid_.combinations()) {
        response_.set_excluded(response_.excluded() + 1);
      }
    }
    response_.set_estimated_seconds(complete_ ? seconds_ : 0);
    for (std::string& note : notes_.Sentences()) response_.add_warnings(std::move(note));
    return std::move(response_);
  }

 private:
  void Count(Database& db, const Cell& cell) {
    response_.set_cells(response_.cells() + 1);
    response_.set_aliases(response_.aliases() + cell.alias_of.has_value());
    for (const TrialSpec& trial : cell.trials) {
      if (!identities_.insert(trial.identity).second) continue;
      response_.set_trials(response_.trials() + 1);
      if (HasResult(db, trial.identity)) {
        response_.set_already_done(response_.already_done() + 1);
      } else {
        Estimate(db, trial);
      }
    }
    if (!cell.trials.empty()) {
      notes_.Look(cell);
      if (!cell.alias_of) Compare(cell.trials.front());
    }
    if (response_.previews_size() >= max_cells_) return;
    v1::PreviewCell* preview = response_.add_previews();
    preview->set_cell(static_cast<int64_t>(cell.index));
    *preview->mutable_axes() = StructFromJson(cell.axes_json);
    preview->set_attention(cell.attention);
    preview->set_canonical(cell.canonical);
    preview->set_baseline(cell.is_baseline);
    if (cell.alias_of) preview->set_alias_of(static_cast<int64_t>(*cell.alias_of));
    preview->set_trials(static_cast<int32_t>(cell.trials.size()));
  }

  void Estimate(Database& db, const TrialSpec& trial) {
    const std::string task = trial.task.name.empty() ? "inline" : trial.task.name;
    const auto [known, added] = mean_seconds_.try_emplace({trial.model, task});
    if (added) known->second = ReadMeanSeconds(db, trial.model, task);
    if (known->second) {
      seconds_ += *known->second;
    } else {
      complete_ = false;
    }
  }

  void Compare(const TrialSpec& trial) {
    if (plans_.size() >= kComparedPlans || !plans_.insert(trial.attention).second) return;
    const PlanContext context{trial.layers, trial.heads,
                              static_cast<int>(trial.training.max_length)};
    const std::string print = MaskPrint(trial.attention, context);
    if (print.empty()) return;
    const auto [same, added] =
        prints_.try_emplace(print + std::to_string(context.max_length), trial.attention);
    if (!added) {
      response_.add_warnings("\"" + same->second + "\" and \"" + trial.attention +
                             "\" keep the same entries at every length tried, but run as two "
                             "trials; drop one of them");
    }
  }

  Grid grid_;
  const int32_t max_cells_;
  v1::PreviewSweepResponse response_;
  PlanNotes notes_;
  std::unordered_set<std::string> identities_;
  std::set<std::string> plans_;
  std::map<std::string, std::string> prints_;
  std::map<std::pair<std::string, std::string>, std::optional<double>> mean_seconds_;
  double seconds_ = 0;
  bool complete_ = true;
};

}  // namespace

void LocalApi::PreviewSweep(const v1::PreviewSweepRequest& request,
                            Reply<v1::PreviewSweepResponse> reply) {
  if (request.max_cells() < 0) {
    return reply(InvalidField("max_cells", "max_cells must not be negative"));
  }
  const int32_t max_cells = request.max_cells() == 0 ? 100 : std::min(request.max_cells(), 5000);
  // A large grid takes seconds: on the threads that are kept for such, and without a transaction around
  // it all, which would keep the write-ahead log from starting over.
  parts_.readers.SubmitQuery(
      [this, spec = request.spec(), max_cells, reply = std::move(reply)](
          ReaderPool::Connections& connections) {
        const auto preview = [&]() -> Result<v1::PreviewSweepResponse> {
          Result<SweepSpec> parsed = SweepSpecFromProto(spec);
          if (!parsed.ok()) return WithPrefix("spec", parsed.status());
          Result<Grid> grid = Grid::Make(*std::move(parsed), parts_.resolver);
          if (!grid.ok()) return WithPrefix("spec", grid.status());
          try {
            return Previewer(*std::move(grid), max_cells).Run(connections.rows);
          } catch (const SqliteError& error) {
            return error.ToStatus();
          }
        };
        reply(preview());
      });
}

}  // namespace sparsweep
