// Blobs of the service as files here. The calling thread.
#pragma once

#include <filesystem>
#include <string>

#include "client/service.h"

namespace sparsweep {

// Writes the blob of this digest to `file`, which appears whole and only if its bytes are what the
// digest says.
Status FetchBlob(Service& service, const std::string& digest, const std::filesystem::path& file);

}  // namespace sparsweep
