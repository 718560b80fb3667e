// Results for tests, as a trainer gave one once. Test only: nothing here trains anything.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/expected_masks.h"
#include "core/result.h"
#include "core/trial.h"

namespace sparsweep {

// A result as a trainer gave one (values of BERT-tiny on 600 sentences), for two layers x two heads.
inline TrialResult RecordedResult(double value) {
  TrialResult result;
  result.metric = "accuracy";
  result.value = value;
  result.metrics = {{"accuracy", value}, {"f1", value - 0.01}, {"loss", 0.42}};
  result.density = 0.25;
  result.density_padded = 0.2;
  result.train_seconds = 2.5;
  result.eval_seconds = 0.5;
  result.peak_bytes = 250'000'000;
  result.steps = 150;
  result.device = "cpu: test";
  result.threads = 1;
  result.attestation_root = std::string(64, '7');
  for (int layer = 0; layer < 2; ++layer) {
    for (int head = 0; head < 2; ++head) {
      result.masks.push_back({layer, head, 1000, 0.25, 0, 0.0, "masked", std::string(64, '5')});
    }
  }
  result.lengths = {{12, 40}, {17, 60}};
  return result;
}

// The same with the masks that the trial's plan gives: what `verify` finds nothing wrong with.
inline TrialResult AttestedResult(const std::string& trial_json, double value) {
  const Result<TrialSpec> spec = ParseTrialSpec(trial_json);
  SPARSWEEP_CHECK(spec.ok());
  const Result<Plan> plan =
      Plan::Resolve(spec->attention,
                    {spec->layers, spec->heads, static_cast<int>(spec->training.max_length)});
  SPARSWEEP_CHECK(plan.ok());
  TrialResult result = RecordedResult(value);
  const std::vector<std::string> paths(static_cast<size_t>(spec->layers) * spec->heads,
                                       plan->is_dense() ? "dense" : "masked");
  ExpectedAttestation attested =
      ExpectedMasks().Of(*plan, spec->mask_seed.value_or(0), {result.lengths, {}}, paths);
  result.masks = std::move(attested.rows);
  result.attestation_root = attested.root;
  result.density = attested.density;
  result.tile_sparsity = attested.tile_sparsity;
  return result;
}

}  // namespace sparsweep
