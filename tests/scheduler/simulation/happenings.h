// What a simulated life is made of and how it ends: names for effects, what is over, how long what
// runs has run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/effect.h"
#include "scheduler/event.h"
#include "scheduler/records.h"
#include "tests/scheduler/simulation/laws.h"
#include "tests/scheduler/simulation/simulation.h"
#include "tests/scheduler/store_model.h"

namespace sparsweep::testing {

// The name under which the effect is counted, of those that are.
std::optional<std::string> HappeningOf(const Effect& effect);

bool AllSweepsOver(const StoreModel& store);

std::map<SweepId, Coverage> LedgerOf(const StoreModel& store, const Scheduler& scheduler);

// Broken by a trial that is queued or running.
Law OpenTrial(const StoreModel& store);

// What a server that starts knows of live attempts; those that it does not know count from now.
void CountRunningTime(Instant now, std::map<AttemptId, Instant>& started, StoredState& stored);

// The mutants among the options: a server that starts without having read all.
void Forget(const SimulationOptions& options, StoredState& stored);

// What the worker said of its slots' steps.
void NoteProgress(const WorkerSynced& sync, const std::vector<Effect>& effects, Instant now,
                  std::map<AttemptId, LastStep>& progress);

// Workers differ: by memory, devices and zone.
WorkerOffer OfferOf(int number);

}  // namespace sparsweep::testing
