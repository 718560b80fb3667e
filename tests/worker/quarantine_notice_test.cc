#include "worker/quarantine_notice.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using std::chrono::minutes;
using std::chrono::system_clock;

TEST(QuarantineNotice, BeginsAndEndsWithOneSentenceEach) {
  setenv("TZ", "UTC0", 1);
  tzset();
  const system_clock::time_point noon{std::chrono::hours(12)};
  ServerAnswer trusted, distrusted;
  distrusted.quarantine = minutes(10);
  distrusted.distrust = "5 attempts in a row went wrong on it";
  QuarantineNotice notice;
  EXPECT_EQ(notice.Heard(trusted, noon), std::nullopt);
  EXPECT_EQ(notice.Heard(distrusted, noon),
            "quarantined by the server until 12:10:00: 5 attempts in a row went wrong on it. "
            "Starting this worker anew ends it at once");
  distrusted.quarantine = minutes(9);
  EXPECT_EQ(notice.Heard(distrusted, noon + minutes(1)), std::nullopt);
  EXPECT_EQ(notice.Heard(trusted, noon + minutes(10)),
            "the quarantine is over: the server gives this worker trials again");
  EXPECT_EQ(notice.Heard(trusted, noon + minutes(11)), std::nullopt);
}

}  // namespace
}  // namespace sparsweep
