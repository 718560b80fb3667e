#include "server/services/refusals.h"

namespace sparsweep {

std::string Refusals::Text() const {
  static constexpr std::array<const char*, kReasons> kNames = {
      "protocol", "too_large", "malformed", "stale", "not_leased", "bad_result", "bad_point"};
  std::string text =
      "# HELP sparsweep_refused_total What workers said and was refused, by reason.\n"
      "# TYPE sparsweep_refused_total counter\n";
  for (size_t reason = 0; reason < kReasons; ++reason) {
    text += std::string("sparsweep_refused_total{reason=\"") + kNames[reason] + "\"} " +
            std::to_string(counts_[reason].load()) + "\n";
  }
  return text;
}

}  // namespace sparsweep
