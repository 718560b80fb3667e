// Attestation of soft windows: asks the attention operator how it weighs keys by their distance,
// and compares with what was learned. With it the distribution that a result stores, and so its
// expected density, is the one that ran.
//
// As in attest.h the operator is called through the model with Q = 0 and pseudo-random codes in V:
// an output row is then the mean of the codes weighted by the window. One thread.
#pragma once

#include "attention/attest.h"
#include "core/hardening.h"

namespace sparsweep {

// Probes every learned head at the shortest, the most frequent and the longest of the request's
// lengths; windows depend on nothing else. An error names the first layer, head, length and query
// whose output is not that of the learned window.
Status AttestSoftWindows(const AttestRequest& request, const LearnedDegrees& learned,
                         const LayerAttention& attention);

}  // namespace sparsweep
