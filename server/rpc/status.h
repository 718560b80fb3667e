// Status as gRPC's, with google.rpc.BadRequest where fields were refused. Any thread.
#pragma once

#include <grpcpp/support/status.h>

#include "core/result.h"

namespace sparsweep {

grpc::Status ToGrpc(const Status& status);

}  // namespace sparsweep
