// What the names of a sweep's models and tasks were resolved to when it ran, read from the trials
// that ran: `verify` asks no data folder.
#pragma once

#include "core/grid.h"
#include "scheduler/ids.h"
#include "server/store/sqlite.h"

namespace sparsweep {

class StoredResolver : public Resolver {
 public:
  // `db` and `spec` must outlive this. May throw SqliteError.
  StoredResolver(Database& db, SweepId sweep, const SweepSpec& spec)
      : db_(db), sweep_(sweep), spec_(spec) {}

  Result<ResolvedModel> Model(const std::string& name) override;
  Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override;

 private:
  // A trial of the sweep; one whose cell has `value` on the axis, where there is that axis.
  Result<TrialSpec> TrialWith(const std::string& axis, const std::string& value);

  Database& db_;
  const SweepId sweep_;
  const SweepSpec& spec_;
};

}  // namespace sparsweep
