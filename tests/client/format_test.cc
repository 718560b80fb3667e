#include "client/format.h"

#include <gtest/gtest.h>

#include "sparsweep/v1/trial.pb.h"

namespace sparsweep {
namespace {

TEST(Format, SharesAreInPercentWithOneDecimal) {
  EXPECT_EQ(Percent(0.8684), "86.8");
  EXPECT_EQ(SignedPercent(-0.117), "-11.7");
  EXPECT_EQ(SignedPercent(0.002), "+0.2");
  EXPECT_EQ(SignedPercent(-0.0001), "+0.0");
  EXPECT_EQ(MetricText("accuracy", 0.5), "50.0");
  EXPECT_EQ(MetricText("matthews", 0.5), "0.5000");
  EXPECT_EQ(MetricText("peak_bytes", 621'515'660), "621.5");
  EXPECT_EQ(SignedMetricText("accuracy", 0.006), "+0.6");
  EXPECT_EQ(SignedMetricText("latency_ms", -27.0898), "-27.09");
  EXPECT_EQ(SignedMetricText("peak_bytes", 0), "+0.0");
  EXPECT_EQ(MetricTitle("accuracy"), "accuracy %");
  EXPECT_EQ(MetricTitle("peak_bytes"), "peak memory MB");
  EXPECT_EQ(MetricTitle("latency_ms"), "latency ms");
  EXPECT_EQ(MetricTitle("perplexity"), "perplexity");
}

TEST(Format, TimesAndSizesArePutInPlainUnits) {
  EXPECT_EQ(Seconds(4.24), "4.2 s");
  EXPECT_EQ(Seconds(59.7), "1 min 0 s");
  EXPECT_EQ(Seconds(200), "3 min 20 s");
  EXPECT_EQ(Seconds(7500), "2 h 5 min");
  EXPECT_EQ(Bytes(512), "512 B");
  EXPECT_EQ(Bytes(int64_t{3} << 29), "1.5 GiB");
}

TEST(Format, AxisValuesReadAsTheyWereWritten) {
  google::protobuf::Value value;
  value.set_number_value(3);
  EXPECT_EQ(ValueText(value), "3");
  value.set_number_value(3e-5);
  EXPECT_EQ(ValueText(value), "3e-05");
  value.set_string_value("window(3)");
  EXPECT_EQ(ValueText(value), "window(3)");
  value.set_null_value(google::protobuf::NULL_VALUE);
  EXPECT_EQ(ValueText(value), "");
}

TEST(Format, StatesAreSpelledAsInTheDatabase) {
  EXPECT_EQ(StateText(v1::SWEEP_STATE_SUCCEEDED), "succeeded");
  EXPECT_EQ(StateText(v1::TrialState_Name(v1::TRIAL_STATE_QUEUED)), "queued");
}

TEST(ProgressLine, SaysEverythingThatIsKnownAndNothingElse) {
  Progress progress;
  progress.trials = 22;
  progress.succeeded = 5;
  EXPECT_EQ(ProgressLine(progress, 0), "5/22 trials");
  progress.running = 2;
  progress.failed = 1;
  progress.per_minute = 21.04;
  progress.seconds_left = 45;
  EXPECT_EQ(ProgressLine(progress, 0), "6/22 trials · 2 running · 1 failed · 21.0/min · 45 s left");
}

TEST(ProgressLine, DrawsABarWhereThereIsRoom) {
  Progress progress;
  progress.trials = 4;
  progress.succeeded = 2;
  EXPECT_EQ(ProgressLine(progress, 60), "█████░░░░░  2/4 trials");
}

}  // namespace
}  // namespace sparsweep
