// Attestation in bfloat16: its wider tolerance passes every honest operator and no lost key.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attention/attest.h"

namespace sparsweep {
namespace {

constexpr int kLongest = 512;

// What a trial in bfloat16 says of `plan` where the operator computes `applied`.
Status Asked(const std::string& plan_text, const std::string& applied, Implementation how) {
  MaskCache cache;
  const PlanContext context{1, 2, kLongest};
  const Plan plan = Plan::Resolve(plan_text, context).value();
  const auto masks = MaskPlan::Make(Plan::Resolve(applied, context).value(),
                                    {0, PathChoice::kAuto, {}, {}}, {7, 100, kLongest}, cache)
                         .value();
  AttestRequest request{&plan,    0,  {{7, 1}, {100, 1}, {kLongest, 1}}, "attempt 1", 32,
                        at::kCPU, how};
  request.precision = at::kBFloat16;
  return Attest(
             request,
             [&](int layer, const at::Tensor& qkv, AttentionBatch& batch) {
               return Attend(qkv, masks->layer(layer), batch, {});
             },
             [&](int layer, int head) { return masks->layer(layer).path(head); }, cache)
      .status();
}

class AttestBfloat16 : public ::testing::TestWithParam<Implementation> {};

TEST_P(AttestBfloat16, PassesWhatWasAskedFor) {
  for (const char* plan : {"dense", "window(3)", "window(255)", "random(40)", "global(2)"}) {
    const Status asked = Asked(plan, plan, GetParam());
    EXPECT_TRUE(asked.ok()) << plan << ": " << asked.message();
  }
}

TEST_P(AttestBfloat16, CatchesOneKeyLostOf512) {
  EXPECT_EQ(
      Asked("dense", "window(510)", GetParam()).message(),
      "the attention operator did not apply the plan: layer 0 head 0 at length 512 used other "
      "keys than dense for query 0");
}

TEST_P(AttestBfloat16, CatchesOneKeyTooMuchOf512) {
  EXPECT_EQ(
      Asked("window(510)", "dense", GetParam()).message(),
      "the attention operator did not apply the plan: layer 0 head 0 at length 512 used other "
      "keys than window(510) for query 0");
}

INSTANTIATE_TEST_SUITE_P(Implementations, AttestBfloat16,
                         ::testing::Values(Implementation::kAuto, Implementation::kPortable),
                         [](const auto& tested) {
                           return tested.param == Implementation::kAuto ? "Kernel" : "Portable";
                         });

}  // namespace
}  // namespace sparsweep
