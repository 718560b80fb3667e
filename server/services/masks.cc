// GetTrialMask: the picture of a trial's masks, recomputed from its plan (core/plan.h, core/mask.h).
#include <map>

#include "core/plan.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr int kMaxPictureLength = 512;
constexpr int kLengthWithoutResult = 32;
constexpr int64_t kMaxPictureBytes = 3 << 20;  // a response stays below gRPC's 4 MiB

int MostFrequent(const std::map<int, int64_t>& lengths, int otherwise) {
  int64_t most = 0;
  for (const auto& [length, examples] : lengths) {
    if (examples > most) {
      most = examples;
      otherwise = length;
    }
  }
  return otherwise;
}

Result<v1::TrialMask> Picture(const TrialSpec& spec, int length,
                              const std::map<int, int64_t>& lengths) {
  const int max_length = static_cast<int>(spec.training.max_length);
  if (length == 0) length = MostFrequent(lengths, std::min(max_length, kLengthWithoutResult));
  length = std::min(length, kMaxPictureLength);
  if (length > max_length) {
    return InvalidField("length", "length " + std::to_string(length) +
                                      " is beyond the trial's max_length of " +
                                      std::to_string(max_length));
  }
  const Result<Plan> plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  if (plan->per_example() || plan->learned()) {
    return Status(StatusCode::kFailedPrecondition,
                  "the masks of this trial differ from text to text or come from what it learnt; "
                  "a length alone does not tell them");
  }
  v1::TrialMask picture;
  picture.set_length(length);
  picture.set_layers(plan->layers());
  picture.set_heads(plan->heads());
  for (const auto& [real, examples] : lengths) (*picture.mutable_lengths())[real] = examples;

  std::map<std::string, int> index_of;  // by hash
  int64_t bytes = 0;
  for (int layer = 0; layer < plan->layers(); ++layer) {
    for (int head = 0; head < plan->heads(); ++head) {
      const Mask mask =
          BuildMask(plan->at(layer, head), length,
                    {spec.mask_seed.value_or(0), layer, head, max_length, plan->heads()});
      const auto hash = mask.Sha256();
      const auto [found, added] = index_of.try_emplace(std::string(hash.begin(), hash.end()),
                                                       static_cast<int>(index_of.size()));
      picture.add_mask_index(found->second);
      if (!added) continue;
      bytes += static_cast<int64_t>(length) * ((length + 7) / 8 * 2 + 3);
      if (bytes > kMaxPictureBytes) {
        return Status(StatusCode::kResourceExhausted,
                      "the masks of this trial differ from head to head and are too large a "
                      "picture at length " + std::to_string(length) + "; ask for a shorter one");
      }
      *picture.add_masks() = ToProto(mask);
    }
  }
  return picture;
}

}  // namespace

void LocalApi::GetTrialMask(const v1::GetTrialMaskRequest& request, Reply<v1::TrialMask> reply) {
  const Result<TrialId> id = ParseTrialName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  if (request.length() < 0 || request.length() > kMaxPictureLength) {
    return reply(InvalidField("length", "length must be 1 to " + std::to_string(kMaxPictureLength) +
                                            ", or 0 for the trial's most frequent one"));
  }
  parts_.readers.Submit([id = *id, length = request.length(),
                         reply = std::move(reply)](ReaderPool::Connections& connections) {
    const Result<TrialRow> row = ReaderPool::ReadNow<TrialRow>(
        connections.rows, [id](Database& db) -> Result<TrialRow> {
          std::optional<TrialRow> found = ReadTrial(db, id);
          if (!found) return NoTrial(id);
          return *std::move(found);
        });
    if (!row.ok()) return reply(row.status());
    const Result<TrialSpec> spec = ParseTrialSpec(row->spec_json);
    if (!spec.ok()) return reply(spec.status());
    std::map<int, int64_t> lengths;
    if (const auto result = ParseTrialResult(row->result_json); result.ok()) {
      lengths = result->lengths;
    }
    reply(Picture(*spec, length, lengths));
  });
}

}  // namespace sparsweep
