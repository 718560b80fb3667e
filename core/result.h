// The outcome of something that can be refused: a value or a Status.
//
// Expected failures (bad input, a missing file, a full disk) are values of this type. Bugs abort
// through SPARSWEEP_CHECK, which is never used on what a peer, a file or a user sent.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sparsweep {

// Maps one to one to the gRPC status codes of the same names.
enum class StatusCode {
  kOk,
  kCancelled,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kInternal,
  kUnavailable,
  kDataLoss,
};

// One refused field: `field` is a path such as "axes.w[2]", `description` one sentence.
struct FieldViolation {
  std::string field;
  std::string description;
  bool operator==(const FieldViolation&) const = default;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  // `message` is one sentence that names the thing and the remedy.
  Status(StatusCode code, std::string message, std::vector<FieldViolation> fields = {})
      : code_(code), message_(std::move(message)), fields_(std::move(fields)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::vector<FieldViolation>& fields() const { return fields_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::vector<FieldViolation> fields_;
};

inline Status InvalidArgument(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message)};
}
inline Status InvalidField(std::string field, std::string message) {
  std::vector<FieldViolation> fields{{std::move(field), message}};
  return {StatusCode::kInvalidArgument, std::move(message), std::move(fields)};
}

#define SPARSWEEP_CHECK(condition)                                                       \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

// A T or the reason why there is none. Reading the value of a failed result aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}             // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {      // NOLINT: implicit on purpose
    SPARSWEEP_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  const T& value() const& {
    SPARSWEEP_CHECK(ok());
    return *value_;
  }
  T& value() & {
    SPARSWEEP_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    SPARSWEEP_CHECK(ok());
    return *std::move(value_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace sparsweep
