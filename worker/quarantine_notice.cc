#include "worker/quarantine_notice.h"

#include <ctime>
#include <utility>

namespace sparsweep {
namespace {

std::string ClockTime(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[16];
  return std::strftime(text, sizeof text, "%H:%M:%S", &local) > 0 ? text : "";
}

}  // namespace

std::optional<std::string> QuarantineNotice::Heard(const ServerAnswer& answer,
                                                   std::chrono::system_clock::time_point now) {
  const bool quarantined = answer.quarantine.count() > 0;
  if (quarantined == std::exchange(quarantined_, quarantined)) return std::nullopt;
  if (!quarantined) return "the quarantine is over: the server gives this worker trials again";
  return "quarantined by the server until " + ClockTime(now + answer.quarantine) + ": " +
         answer.distrust + ". Starting this worker anew ends it at once";
}

}  // namespace sparsweep
