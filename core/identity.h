// The identity of a trial: SHA-256 over RFC 8785 canonical JSON of everything that its result
// depends on, and nothing else (docs/identity.md has the fields and a test vector).
#pragma once

#include <string>

#include "core/trial.h"

namespace sparsweep {

// The text that is hashed. Values without effect are left out: `epochs` where `max_steps` decides,
// a warm-up, clipping or limit of 0, a mask seed without a draw, what concerns degrees where none is
// learned, what another kind or type of task reads, options that came later where they are as usual.
// `spec.identity` is not read.
std::string IdentityText(const TrialSpec& spec);

// Lower-case hex.
std::string TrialIdentity(const TrialSpec& spec);

// The part that all trials with this kind, type of task and options share, for callers that hash
// many of them.
struct Hyperparameters {
  std::string fixed, learned;  // of plans without and with learned degrees
};
Hyperparameters IdentityHyperparameters(const TrialSpec& trial);
std::string IdentityText(const TrialSpec& spec, const Hyperparameters& hyperparameters);

}  // namespace sparsweep
