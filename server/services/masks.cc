// GetTrialMask: the picture of a trial's masks, recomputed from its plan (core/plan.h, core/mask.h).
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "core/hardening.h"
#include "core/plan.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr int kMaxPictureLength = 512;
constexpr int kLengthWithoutResult = 32;
constexpr int64_t kMaxPictureBytes = 3 << 20;  // a response stays below gRPC's 4 MiB

// Whether a length and the name of an example tell the mask, and the length alone does not.
bool DrawsPerExample(const Pattern& pattern) {
  return IsPerExample(pattern) && !NeedsText(pattern);
}

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

// "train/17" or "train/17/2" as the key of its draws.
std::optional<uint64_t> KeyOfExample(const std::string& name) {
  const size_t first = name.find('/');
  if (first == std::string::npos) return std::nullopt;
  const std::string split = name.substr(0, first);
  if (split != "train" && split != "dev" && split != "test") return std::nullopt;
  const auto number = [&](size_t begin, size_t end, int64_t* value) {
    const char* stop = name.data() + end;
    const auto [rest, error] = std::from_chars(name.data() + begin, stop, *value);
    return error == std::errc() && rest == stop && *value >= 0;
  };
  const size_t second = std::min(name.find('/', first + 1), name.size());
  int64_t row = 0, window = 0;
  if (!number(first + 1, second, &row)) return std::nullopt;
  if (second < name.size() && !number(second + 1, name.size(), &window)) return std::nullopt;
  return ExampleKey(split, row, window);
}

// What is to be said of the pictures of a plan.
std::vector<std::string> NotesOn(const Plan& plan, const std::string& example, bool learned) {
  std::vector<std::string> notes;
  const auto any = [&](bool (*holds)(const Pattern&)) {
    return std::any_of(plan.patterns().begin(), plan.patterns().end(), holds);
  };
  if (any(NeedsText)) {
    notes.push_back(
        "syntax and lexical make a mask from the words of each text, which the server does not "
        "have: only lengths and what was attested are shown. \"sparsweep mask --model MODEL --text "
        "TEXT --attention PLAN\" shows the masks and tokens of a text.");
  }
  if (any(IsLearned)) {
    notes.push_back(learned ? "The degrees of some heads are learned: their masks are those of the "
                              "last epoch, hardened as for evaluation."
                            : "The degrees of these heads are learned: their masks come with the "
                              "trial's result.");
  }
  if (any(DrawsPerExample)) {
    notes.push_back("Every example has random draws of its own: these are those of " + example +
                    ", were it this long.");
  }
  if (any(IsWeighted)) {
    notes.push_back(
        "exact=hf counts some blocks more than once; the picture shows which entries count at "
        "all, as in training.");
  }
  return notes;
}

Result<v1::TrialMask> Picture(const TrialSpec& spec, const v1::GetTrialMaskRequest& request,
                              const std::map<int, int64_t>& lengths,
                              const std::vector<DegreeRow>& degrees) {
  const int max_length = static_cast<int>(spec.training.max_length);
  int length = request.length();
  if (length == 0) length = MostFrequent(lengths, std::min(max_length, kLengthWithoutResult));
  length = std::min(length, kMaxPictureLength);
  if (length > max_length) {
    return InvalidField("length", "length " + std::to_string(length) +
                                      " is beyond the trial's max_length of " +
                                      std::to_string(max_length));
  }
  const std::string example = request.example().empty() ? "train/0" : request.example();
  const std::optional<uint64_t> key = KeyOfExample(example);
  if (!key) {
    return InvalidField("example", "\"" + example.substr(0, 100) +
                                       "\" names no example; write SPLIT/NUMBER, as train/17");
  }
  const Result<Plan> plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return plan.status();
  v1::TrialMask picture;
  picture.set_length(length);
  picture.set_layers(plan->layers());
  picture.set_heads(plan->heads());
  for (const auto& [real, examples] : lengths) (*picture.mutable_lengths())[real] = examples;
  const Result<LearnedDegrees> learned = LearnedDegrees::OfResult(*plan, degrees);
  for (std::string& note : NotesOn(*plan, example, learned.ok())) picture.add_notes(std::move(note));
  picture.set_per_example_draws(
      std::any_of(plan->patterns().begin(), plan->patterns().end(), DrawsPerExample));

  std::map<std::string, int> index_of;  // by hash
  int64_t bytes = 0;
  for (int layer = 0; layer < plan->layers(); ++layer) {
    for (int head = 0; head < plan->heads(); ++head) {
      const Pattern& pattern = plan->at(layer, head);
      if (NeedsText(pattern) || (IsLearned(pattern) && !learned.ok())) {
        picture.add_mask_index(-1);
        continue;
      }
      MaskContext context{spec.mask_seed.value_or(0), layer, head, max_length, plan->heads()};
      context.example_key = *key;
      const Mask mask = IsLearned(pattern) ? learned->Harden(pattern, length, context)
                                           : BuildMask(pattern, length, context);
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
  parts_.readers.Submit([id = *id, request,
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
    const auto parsed = ParseTrialResult(row->result_json);
    const TrialResult result = parsed.ok() ? *parsed : TrialResult();
    reply(Picture(*spec, request, result.lengths, result.degrees));
  });
}

}  // namespace sparsweep
