// GetTrialMask: the picture of a trial's masks, recomputed from its plan (core/plan.h,
// core/mask.h), at a length or over the tokens of a text (text_pictures.h).
#include <algorithm>
#include <map>
#include <optional>

#include "core/catalog.h"
#include "core/hardening.h"
#include "core/mask_request.h"
#include "core/plan.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr int kMaxPictureLength = 512;
constexpr int kLengthWithoutResult = 32;
constexpr int64_t kMaxPictureBytes = 3 << 20;  // a response stays below gRPC's 4 MiB
constexpr size_t kMaxTextBytes = 10'000;

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

// A trial and what its pictures are made of.
struct Pictured {
  TrialSpec spec;
  std::map<int, int64_t> lengths;
  std::vector<DegreeRow> degrees;
};

// What is to be said of the pictures of a plan. `text`: null where there is none.
std::vector<std::string> NotesOn(const Plan& plan, const std::string& example, bool learned,
                                 const TextMaskAnswer* text) {
  std::vector<std::string> notes;
  if (text != nullptr && text->uncut > static_cast<int64_t>(text->tokens.size())) {
    notes.push_back("The text has " + std::to_string(text->uncut) + " tokens and is cut to " +
                    std::to_string(text->tokens.size()) +
                    ", the trial's max_length, as in training.");
  }
  const auto any = [&](bool (*holds)(const Pattern&)) {
    return std::any_of(plan.patterns().begin(), plan.patterns().end(), holds);
  };
  if (any(NeedsText) && text == nullptr) {
    notes.push_back(
        "syntax and lexical make a mask from the words of each text: type one to see its masks. "
        "Without a text only lengths and what was attested are shown.");
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

Result<Plan> PlanOf(const TrialSpec& spec) {
  return Plan::Resolve(spec.attention,
                       {spec.layers, spec.heads, static_cast<int>(spec.training.max_length)});
}

// What the trainer program is asked: the masks of patterns that need the text, `self` elsewhere.
Result<TextMaskQuestion> QuestionOf(const TrialSpec& spec, const v1::GetTrialMaskRequest& request) {
  const Result<Plan> plan = PlanOf(spec);
  if (!plan.ok()) return plan.status();
  TextMaskQuestion question;
  question.attention = plan->needs_text() ? spec.attention : "self";
  for (int layer = 0; plan->needs_text() && layer < plan->layers(); ++layer) {
    for (int head = 0; head < plan->heads(); ++head) {
      if (NeedsText(plan->at(layer, head))) continue;
      question.attention +=
          "; layer " + std::to_string(layer) + " head " + std::to_string(head) + ": self";
    }
  }
  question.model = spec.model;
  question.model_fingerprint = spec.model_fingerprint;
  question.weights = spec.training.init == "pretrained";
  question.text = request.text();
  question.text_pair = request.text_pair();
  question.max_length = std::min(static_cast<int>(spec.training.max_length), kMaxPictureLength);
  question.mask_seed = spec.mask_seed.value_or(0);
  if (spec.task.parses != "conllu") question.parses = spec.task.parses;  // a typed text has no file
  const bool path = spec.task.glove.find('/') != std::string::npos;
  question.glove = path ? GloveFile("", spec.task).string() : spec.task.glove;
  return question;
}

Result<int> LengthOf(const Pictured& trial, const v1::GetTrialMaskRequest& request) {
  const int max_length = static_cast<int>(trial.spec.training.max_length);
  int length = request.length();
  if (length == 0) {
    length = MostFrequent(trial.lengths, std::min(max_length, kLengthWithoutResult));
  }
  length = std::min(length, kMaxPictureLength);
  if (length <= max_length) return length;
  return InvalidField("length", "length " + std::to_string(length) +
                                    " is beyond the trial's max_length of " +
                                    std::to_string(max_length));
}

Result<v1::TrialMask> Picture(const Pictured& trial, const v1::GetTrialMaskRequest& request,
                              const TextMaskAnswer* text) {
  const TrialSpec& spec = trial.spec;
  const Result<int> length =
      text != nullptr ? static_cast<int>(text->tokens.size()) : LengthOf(trial, request);
  if (!length.ok()) return length.status();
  const std::string example = request.example().empty() ? "train/0" : request.example();
  const std::optional<uint64_t> key = ParseExample(example);
  if (!key) {
    return InvalidField("example", "\"" + example.substr(0, 100) +
                                       "\" names no example; write SPLIT/NUMBER, as train/17");
  }
  const Result<Plan> plan = PlanOf(spec);
  if (!plan.ok()) return plan.status();
  if (text != nullptr && (text->heads != plan->heads() ||
                          static_cast<int>(text->masks.size()) != plan->layers() * plan->heads())) {
    return Status(StatusCode::kFailedPrecondition,
                  "the model " + spec.model + " of this server has other layers and heads than the "
                  "one that this trial ran with; put the same model into its data folder");
  }
  v1::TrialMask picture;
  picture.set_length(*length);
  picture.set_layers(plan->layers());
  picture.set_heads(plan->heads());
  for (const auto& [real, examples] : trial.lengths) (*picture.mutable_lengths())[real] = examples;
  const Result<LearnedDegrees> learned = LearnedDegrees::OfResult(*plan, trial.degrees);
  for (std::string& note : NotesOn(*plan, example, learned.ok(), text)) {
    picture.add_notes(std::move(note));
  }
  picture.set_per_example_draws(
      std::any_of(plan->patterns().begin(), plan->patterns().end(), DrawsPerExample));
  if (text != nullptr) {
    for (const std::string& token : text->tokens) picture.add_tokens(token);
  }

  std::map<std::string, int> index_of;  // by hash
  int64_t bytes = 0;
  for (int layer = 0; layer < plan->layers(); ++layer) {
    for (int head = 0; head < plan->heads(); ++head) {
      const Pattern& pattern = plan->at(layer, head);
      if ((NeedsText(pattern) && text == nullptr) || (IsLearned(pattern) && !learned.ok())) {
        picture.add_mask_index(-1);
        continue;
      }
      MaskContext context{spec.mask_seed.value_or(0), layer, head,
                          static_cast<int>(spec.training.max_length), plan->heads()};
      context.example_key = *key;
      v1::MaskPicture mask =
          NeedsText(pattern)   ? text->masks[static_cast<size_t>(layer * plan->heads() + head)]
          : IsLearned(pattern) ? ToProto(learned->Harden(pattern, *length, context))
                               : ToProto(BuildMask(pattern, *length, context));
      const auto [found, added] = index_of.try_emplace(mask.hash(), picture.masks_size());
      picture.add_mask_index(found->second);
      if (!added) continue;
      bytes += static_cast<int64_t>(*length) * ((*length + 7) / 8 * 2 + 3);
      if (bytes > kMaxPictureBytes) {
        return Status(StatusCode::kResourceExhausted,
                      "the masks of this trial differ from head to head and are too large a "
                      "picture at length " + std::to_string(*length) + "; ask for a shorter one");
      }
      *picture.add_masks() = std::move(mask);
    }
  }
  return picture;
}

Status CheckText(const v1::GetTrialMaskRequest& request) {
  if (request.text().empty()) {
    return request.text_pair().empty()
               ? Status()
               : InvalidField("text", "text_pair is the second segment of a text; give text too");
  }
  if (request.length() != 0) {
    return InvalidField("length", "a text has a length of its own; leave length out");
  }
  if (request.text().size() + request.text_pair().size() > kMaxTextBytes) {
    return InvalidField("text", "the text has " +
                                    std::to_string(request.text().size() +
                                                   request.text_pair().size()) +
                                    " bytes; at most " + std::to_string(kMaxTextBytes) +
                                    " are shown, give a part of it");
  }
  return {};
}

}  // namespace

void LocalApi::GetTrialMask(const v1::GetTrialMaskRequest& request, Reply<v1::TrialMask> reply) {
  const Result<TrialId> id = ParseTrialName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  if (request.length() < 0 || request.length() > kMaxPictureLength) {
    return reply(InvalidField("length", "length must be 1 to " + std::to_string(kMaxPictureLength) +
                                            ", or 0 for the trial's most frequent one"));
  }
  if (const Status status = CheckText(request); !status.ok()) return reply(status);
  if (!request.text().empty() && parts_.texts == nullptr) {
    return reply(Status(StatusCode::kFailedPrecondition,
                        "this server has no sparsweep-trainer beside it, which alone knows tokens; "
                        "\"sparsweep mask --model MODEL --text TEXT --attention PLAN\" shows the "
                        "masks of a text where there is one"));
  }
  parts_.readers.Submit([id = *id, request, texts = parts_.texts,
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
    Pictured trial{*spec, {}, {}};
    if (const auto result = ParseTrialResult(row->result_json); result.ok()) {
      trial.lengths = result->lengths;
      trial.degrees = result->degrees;
    }
    if (request.text().empty()) return reply(Picture(trial, request, nullptr));
    Result<TextMaskQuestion> question = QuestionOf(trial.spec, request);
    if (!question.ok()) return reply(question.status());
    texts->Ask(*std::move(question),
               [trial = std::move(trial), request, reply](Result<TextMaskAnswer> answer) {
                 reply(answer.ok() ? Picture(trial, request, &*answer)
                                   : Result<v1::TrialMask>(answer.status()));
               });
  });
}

}  // namespace sparsweep
