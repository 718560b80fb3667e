#include "trainer/expect.h"

#include <nlohmann/json.hpp>

#include "core/expected_masks.h"
#include "trainer/prepare.h"

namespace sparsweep {
namespace {

class Silent : public TrialObserver {
 public:
  void OnPhase(const std::string&, int64_t, int64_t) override {}
  void OnStep(const StepReport&) override {}
  void OnEvaluation(int64_t, double, const Metrics&) override {}
  bool Cancelled() override { return false; }
};

}  // namespace

Result<TrialResult> ExpectResult(const TrialSpec& spec, const TrialResult& stored,
                                 const TrainerOptions& options, Resident& resident) {
  Silent observer;
  const std::string attempt = "verify";
  TrialSpec here = spec;  // masks depend neither on the device nor on the precision
  here.device = "cpu";
  here.training.precision = "float32";
  const RunContext run{here, attempt, options, resident, observer};
  Prepared prepared;
  for (const auto& phase : {CheckTrial, LoadModel, TokenizeData}) {
    if (const MaybeFailure failure = phase(run, &prepared))
      return InvalidArgument(failure->message);
  }
  const auto max_length = static_cast<int>(spec.training.max_length);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  if (stored.masks.size() != static_cast<size_t>(spec.layers) * spec.heads) {
    return InvalidArgument("the result does not attest every layer and head");
  }
  auto learned = LearnedDegrees::OfResult(*plan, stored.degrees);
  if (!learned.ok()) return learned.status();
  std::shared_ptr<const TrialTexts> texts;
  if (plan->needs_text()) {
    auto found = TextsOf(run, prepared, *plan);
    if (!found.ok()) return found.status();
    texts = *found;
  }

  ExpectedExamples examples;
  examples.train = prepared.train.size();
  examples.dev = prepared.dev().size();
  for (const int length : prepared.train.lengths()) ++examples.lengths[length];
  for (const int length : prepared.dev().lengths()) {
    ++examples.lengths[length];
    ++examples.dev_lengths[length];
  }
  examples.own = MasksOfExamples(prepared.train, prepared.dev(), texts);
  std::vector<std::string> paths;
  for (const MaskRow& row : stored.masks) paths.push_back(row.path);
  ExpectedAttestation expected =
      ExpectedMasks().Of(*plan, spec.mask_seed.value_or(0), examples, paths, &*learned);

  TrialResult result = stored;
  result.masks = std::move(expected.rows);
  result.attestation_root = std::move(expected.root);
  result.density = expected.density;
  result.tile_sparsity = expected.tile_sparsity;
  result.lengths = std::move(examples.lengths);
  return result;
}

std::string AnswerExpected(const std::string& line, const TrainerOptions& options,
                           Resident& resident) {
  const auto refuse = [](const std::string& why) {
    return nlohmann::json({{"error", why}})
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  const auto request = nlohmann::json::parse(line, nullptr, false);
  if (!request.is_object() || !request.contains("trial") || !request.contains("result")) {
    return refuse("a request is an object with trial and result");
  }
  const auto spec = ParseTrialSpec(request["trial"].dump());
  if (!spec.ok()) return refuse(spec.status().message());
  const auto stored = ParseTrialResult(request["result"].dump());
  if (!stored.ok()) return refuse(stored.status().message());
  const auto expected = ExpectResult(*spec, *stored, options, resident);
  return expected.ok() ? TrialResultToJson(*expected) : refuse(expected.status().message());
}

}  // namespace sparsweep
