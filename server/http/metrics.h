// /metrics in Prometheus' text form, made from the documented views (docs/database.md), so that it
// needs nothing of the server but its QueryOwn method.
#pragma once

#include <string>

#include "sparsweep/v1/query.pb.h"

namespace sparsweep {

// Asks for rows (metric, label, value).
v1::QueryRequest MetricsQuery();
std::string MetricsText(const v1::QueryResponse& response);

}  // namespace sparsweep
