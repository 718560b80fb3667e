// What a worker calls itself and says of its machine.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "worker/devices.h"

namespace sparsweep {

std::string HostName();
// 32 hex digits, of this process alone: its incarnation.
std::string RandomName();
// The labels that needs of sweeps are matched with and pages show.
nlohmann::json LabelsOf(const Devices& devices, int threads_per_slot);

}  // namespace sparsweep
