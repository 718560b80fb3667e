#include "trainer/failure.h"

namespace sparsweep {

Failure Refused(const Status& status) { return {FailureReason::kRefused, status.message()}; }

Failure FailureOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kCancelled:
      return {FailureReason::kInterrupted, status.message()};
    case StatusCode::kNotFound:
    case StatusCode::kFailedPrecondition:
      return Refused(status);
    default:
      return {FailureReason::kData, status.message()};
  }
}

Failure Interrupted() { return {FailureReason::kInterrupted, "the run was cancelled"}; }

}  // namespace sparsweep
