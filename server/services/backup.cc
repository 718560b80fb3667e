// DatabaseService: a copy of the file while it is in use (server/services/local_api.h).
#include <filesystem>

#include "server/services/local_api.h"
#include "server/services/messages.h"
#include "server/store/backup.h"

namespace sparsweep {

void LocalApi::BackUpDatabase(const v1::BackUpDatabaseRequest& request,
                              Reply<v1::BackUpDatabaseResponse> reply) {
  if (!std::filesystem::path(request.path()).is_absolute()) {
    return reply(InvalidField(
        "path", "\"" + request.path() +
                    "\" is no absolute path; the server writes the copy on its own machine, so name "
                    "it as /folder/copy.db"));
  }
  // One at a time: a copy takes a reader for as long as it lasts.
  if (backing_up_.exchange(true)) {
    return reply(Status(StatusCode::kUnavailable, "another backup is running; repeat it later"));
  }
  parts_.readers.Submit([this, path = request.path(),
                         reply = std::move(reply)](ReaderPool::Connections& connections) {
    const Result<Backup> backup = BackUp(connections.rows.path(), path);
    backing_up_ = false;
    if (!backup.ok()) return reply(backup.status());
    v1::BackUpDatabaseResponse response;
    response.set_path(path);
    response.set_size(backup->size);
    response.set_blobs(backup->blobs);
    reply(std::move(response));
  });
}

}  // namespace sparsweep
