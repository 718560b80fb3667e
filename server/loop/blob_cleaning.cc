#include "server/loop/blob_cleaning.h"

#include <spdlog/spdlog.h>

#include "server/store/unnamed_blobs.h"

namespace sparsweep {

void RemoveUnnamedBlobs(ReaderPool& readers, Loop& loop, int64_t now_ms) {
  using Digests = std::vector<std::string>;
  const int64_t before = now_ms - std::chrono::milliseconds(kReportMayCome).count();
  readers.Read<Digests>(
      [before](Database& db) -> Result<Digests> { return FindUnnamedBlobs(db, before); },
      [&loop, before](Result<Digests> unnamed) {
        if (!unnamed.ok() || unnamed->empty()) return;
        spdlog::info("{} blobs that no attempt and no result names are removed", unnamed->size());
        Posted posted;
        posted.write = [before, unnamed = *std::move(unnamed)](Writer& writer) {
          return writer.RemoveBlobs(unnamed, before);
        };
        loop.Post(std::move(posted));
      });
}

}  // namespace sparsweep
