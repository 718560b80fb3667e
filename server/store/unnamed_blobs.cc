#include "server/store/unnamed_blobs.h"

#include <set>

namespace sparsweep {

std::vector<std::string> FindUnnamedBlobs(Database& db, int64_t before_ms) {
  std::set<std::string> unnamed;
  {
    Statement read = db.Prepare(
        "SELECT sha256 FROM blob b WHERE brought_at < ?1 AND NOT EXISTS "
        "(SELECT 1 FROM attempt a WHERE a.log_blob = b.sha256)");
    read.Bind(before_ms);
    while (read.Step()) unnamed.insert(read.Text(0));
  }
  // Predictions and weights are named inside results. Most have none: the text is asked first.
  for (const char* table : {"result_detail", "replicate"}) {
    if (unnamed.empty()) break;
    const std::string from = std::string(" FROM ") + table;
    for (const std::string& names :
         {"SELECT detail ->> '$.predictions'" + from +
              " WHERE instr(detail, '\"predictions\"') > 0",
          "SELECT f.value" + from + ", json_each(detail, '$.checkpoint.files') f" +
              " WHERE instr(detail, '\"checkpoint\"') > 0"}) {
      Statement read = db.Prepare(names);
      while (read.Step()) unnamed.erase(read.Text(0));
    }
  }
  return {unnamed.begin(), unnamed.end()};
}

}  // namespace sparsweep
