#include "client/fetch.h"

#include <unistd.h>

#include <fstream>

#include "core/sha256.h"

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

Status Receive(Service& service, const std::string& digest, const fs::path& file) {
  grpc::ClientContext context;
  v1::GetBlobRequest request;
  request.set_sha256(digest);
  const auto stream = service.workers().GetBlob(&context, request);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  Sha256Hasher hasher;
  for (v1::GetBlobResponse piece; stream->Read(&piece);) {
    out << piece.chunk();
    hasher.Update(piece.chunk());
  }
  if (const grpc::Status status = stream->Finish(); !status.ok()) return FromGrpc(status);
  out.close();
  if (!out) {
    return {StatusCode::kFailedPrecondition,
            file.string() + ": cannot be written; make room or choose another folder"};
  }
  if (Hex(hasher.Finish()) != digest) {
    return {StatusCode::kInternal, file.string() + ": what the server sent is not " + digest};
  }
  return {};
}

}  // namespace

Status FetchBlob(Service& service, const std::string& digest, const fs::path& file) {
  const fs::path part = file.string() + ".part" + std::to_string(getpid());
  Status status = Receive(service, digest, part);
  std::error_code error;
  if (status.ok()) {
    fs::rename(part, file, error);
    if (!error) return {};
    status = {StatusCode::kFailedPrecondition,
              file.string() + ": cannot be written: " + error.message()};
  }
  fs::remove(part, error);
  return status;
}

}  // namespace sparsweep
