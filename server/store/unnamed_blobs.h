// Blobs that nothing names: brought for a report that was refused, or twice for one, or left when the
// trial that named them was deleted while another report was awaited.
//
// A report may come long after what it names was brought (its worker was cut off in between), so only
// those count that were brought a day ago or longer. Any thread, on a connection of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/store/sqlite.h"

namespace sparsweep {

inline constexpr std::chrono::hours kReportMayCome{24};

// Digests of those that were brought before `before_ms`. Reads the results that name any.
std::vector<std::string> FindUnnamedBlobs(Database& db, int64_t before_ms);

}  // namespace sparsweep
