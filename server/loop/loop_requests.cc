// The part of the loop that answers people: a request is decided once, whoever repeats it.
#include "server/loop/loop.h"

namespace sparsweep {

// What is answered without a decision: the request was answered before (also within this batch), or
// speaks of a sweep as it no longer is.
Result<std::optional<Result<Outcome>>> Loop::AnswerBefore(const PersonsRequest& request) {
  using Answer = std::optional<Result<Outcome>>;
  if (!request.id.empty()) {
    const auto found = writer_.FindRequest(request.id);
    if (!found.ok()) return found.status();
    if (*found && (*found)->digest != request.digest) {
      const std::string message =
          "request_id \"" + request.id + "\" was used for another request; send a new one";
      return Answer(Status(StatusCode::kAlreadyExists, message, {{"request_id", message}}));
    }
    if (*found) {
      Outcome outcome;
      outcome.sweep = (*found)->sweep;
      outcome.answer = (*found)->answer;
      return Answer(std::move(outcome));
    }
  }
  if (!request.etag.empty()) {
    const auto revision = writer_.RevisionOf(request.sweep);
    if (!revision.ok()) return revision.status();
    if (*revision && std::to_string(**revision) != request.etag) {
      const std::string message = "the sweep has changed since: its etag is \"" +
                                  std::to_string(**revision) + "\", not \"" + request.etag +
                                  "\"; look at it again and repeat";
      return Answer(Status(StatusCode::kAborted, message, {{"etag", message}}));
    }
  }
  return Answer();
}

// A request id answers with what it came to for ever: it is stored with what it changed.
Status Loop::TakeRequest(Posted posted, Instant now) {
  const auto answer = [&](Result<Outcome> outcome) {
    answers_.emplace_back(std::move(posted.reply), std::move(outcome));
  };
  const PersonsRequest request = *std::move(posted.request);
  Result<std::optional<Result<Outcome>>> before = AnswerBefore(request);
  if (!before.ok()) {
    answer(before.status());
    return before.status();
  }
  if (*before) {
    answer(**std::move(before));
    return {};
  }
  Result<Result<Outcome>> outcome = Apply(*std::move(posted.event), now);
  Status status = outcome.status();
  if (status.ok() && outcome->ok()) {
    (*outcome)->answer = request.answer;
    if ((*outcome)->sweep == 0) (*outcome)->sweep = request.sweep;
    if (!request.id.empty()) {
      status = writer_.Begin(now_ms_);
      if (status.ok()) {
        status = writer_.WriteRequest(request.id,
                                      {request.digest, (*outcome)->sweep, request.answer});
      }
    }
  }
  answer(status.ok() ? *std::move(outcome) : Result<Outcome>(status));
  return status;
}

}  // namespace sparsweep
