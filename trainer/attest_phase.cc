#include "trainer/attest_phase.h"

#include "attention/attest.h"
#include "attention/attest_soft.h"

namespace sparsweep {
namespace {

AttestRequest RequestOf(const RunContext& run, const Prepared& prepared) {
  const TrialMasks& masks = *prepared.masks;
  const BertConfig& config = prepared.checkpoint->config;
  AttestRequest request{&masks.plan,
                        masks.mask_seed,
                        masks.lengths,
                        run.attempt,
                        config.hidden / config.heads,
                        prepared.device,
                        run.options.implementation};
  request.examples = masks.examples;
  request.example_lengths = prepared.train.lengths();
  for (int length : prepared.dev().lengths()) request.example_lengths.push_back(length);
  request.counted = static_cast<int64_t>(request.example_lengths.size());
  for (int length : prepared.test().lengths()) request.example_lengths.push_back(length);
  request.train = prepared.train.size();
  request.precision = PrecisionOf(run.spec.training);
  return request;
}

Status Ask(const RunContext& run, const Prepared& prepared, Bert& model,
           std::optional<LearnedRun>& learned, TrialResult* result) {
  AttestRequest request = RequestOf(run, prepared);
  const LayerAttention attention = [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return model.LayerAttention(layer, qkv, batch, DropoutStream{});
  };
  const MaskPlan& training = model.masks();
  if (learned) {
    if (Status status = learned->Harden(); !status.ok()) return status;
    Status soft = AttestSoftWindows(request, learned->learned(), attention);
    if (!soft.ok()) return soft;
    request.learned = [&](const Pattern& pattern, int length, const MaskContext& context) {
      return learned->learned().Harden(pattern, length, context);
    };
    model.UseMasks(learned->hardened());
  }
  auto attestation = Attest(
      request, attention, [&](int layer, int head) { return model.HeadPath(layer, head); },
      run.resident.masks);
  model.UseMasks(training);
  if (!attestation.ok()) return attestation.status();
  result->masks = attestation->rows;
  result->attestation_root = attestation->root;
  result->density = attestation->density;
  result->tile_sparsity = attestation->tile_sparsity;
  return {};
}

}  // namespace

MaybeFailure AttestTrial(const RunContext& run, const Prepared& prepared, Bert& model,
                         std::optional<LearnedRun>& learned, TrialResult* result) {
  Status asked = Ask(run, prepared, model, learned, result);
  if (!asked.ok()) return Failure{FailureReason::kAttestation, asked.message()};
  return {};
}

}  // namespace sparsweep
