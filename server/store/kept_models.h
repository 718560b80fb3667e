// Models that trials left, as a sweep names them: "trial:17", and "best:SWEEP" for the best cell of
// a sweep (its number, or its name: the newest of that name). Any other name is the catalog's.
// Not here: the files' way to a worker (worker/model_files.h). Any thread.
#pragma once

#include <string>

#include "core/grid.h"

namespace sparsweep {

class KeptModels : public Resolver {
 public:
  // `catalog` must outlive it. Reads the database anew each time: a sweep is submitted rarely.
  KeptModels(Resolver& catalog, std::string db, std::string blob_folder)
      : catalog_(catalog), db_(std::move(db)), blob_folder_(std::move(blob_folder)) {}

  Result<ResolvedModel> Model(const std::string& name) override;
  Result<ResolvedModel> ModelWithoutWeights(const std::string& name) override;
  Result<ResolvedTask> Task(const std::variant<std::string, TaskSpec>& task) override {
    return catalog_.Task(task);
  }

 private:
  Resolver& catalog_;
  const std::string db_, blob_folder_;
};

}  // namespace sparsweep
