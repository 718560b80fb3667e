#include "server/loop/digests.h"

#include <memory>

#include "server/store/reads.h"
#include "server/store/result_digest.h"

namespace sparsweep {
namespace {

struct Digested {
  int64_t revision = 0;
  std::string digest;
};

}  // namespace

void StoreDigest(ReaderPool& readers, Loop& loop, SweepId sweep) {
  readers.Read<Digested>(
      [sweep](Database& db) -> Result<Digested> {
        const std::optional<SweepRow> row = ReadSweep(db, sweep);
        if (!row || !row->ended_at) return Status(StatusCode::kAborted, "reopened");
        return Digested{row->revision, ResultDigest(db, sweep)};
      },
      [&readers, &loop, sweep](Result<Digested> digested) {
        if (!digested.ok()) return;
        const auto stored = std::make_shared<bool>(false);
        Posted posted;
        posted.write = [sweep, digested = *digested, stored](Writer& writer) -> Status {
          Result<bool> written =
              writer.WriteResultDigest(sweep, digested.revision, digested.digest);
          if (!written.ok()) return written.status();
          *stored = *written;
          return {};
        };
        posted.reply = [&readers, &loop, sweep, stored](Result<Outcome> outcome) {
          if (outcome.ok() && !*stored) StoreDigest(readers, loop, sweep);
        };
        loop.Post(std::move(posted));
      });
}

}  // namespace sparsweep
