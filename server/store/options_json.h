// What trials need and workers offer, as JSON columns of the database. Pure functions: any thread.
#pragma once

#include <string>

#include "scheduler/event.h"

namespace sparsweep {

// Fields that say nothing are left out. Parsing takes what was written so; anything else is empty.
std::string NeedsToJson(const Needs& needs);
Needs ParseNeeds(const std::string& json);
std::string OfferToJson(const WorkerOffer& offer);
WorkerOffer ParseOffer(const std::string& json);

}  // namespace sparsweep
