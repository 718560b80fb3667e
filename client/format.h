// Numbers as people read them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sparsweep/v1/sweep.pb.h"

namespace sparsweep {

std::string Percent(double share);        // 0.868 -> "86.8"
std::string SignedPercent(double share);  // -0.117 -> "-11.7", 0.002 -> "+0.2"
std::string Seconds(double seconds);      // "4.2 s", "3 min 20 s", "2 h 5 min"
std::string Bytes(int64_t bytes);         // "1.5 GiB"
// An axis value or another JSON value as text: whole numbers without ".0", null as "".
std::string ValueText(const google::protobuf::Value& value);

// Metrics between 0 and 1 are shown in percent, bytes in millions, others as they are.
bool IsShare(const std::string& metric);
std::string MetricTitle(const std::string& metric);  // "accuracy %", "peak memory MB"
std::string MetricText(const std::string& metric, double value);
std::string SignedMetricText(const std::string& metric, double value);

// "running", "succeeded", ... of SWEEP_STATE_RUNNING, TRIAL_STATE_SUCCEEDED, ...
std::string StateText(const std::string& enum_name);
std::string StateText(v1::SweepState state);

// One line that says how far a sweep is. `width` 0: no bar, for logs.
struct Progress {
  int64_t trials = 0, succeeded = 0, failed = 0, running = 0, cancelled = 0;
  double per_minute = 0;
  double seconds_left = 0;
  bool expanding = false;
};
std::string ProgressLine(const Progress& progress, int width);

}  // namespace sparsweep
