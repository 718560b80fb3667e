#include "trainer/trial_run.h"

#include <algorithm>
#include <chrono>

#include "attention/attest.h"
#include "attention/attest_soft.h"
#include "core/warnings.h"
#include "trainer/device.h"
#include "trainer/plan_phase.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

constexpr size_t kKept = 4;  // items of each kind that stay resident

Failure Refused(const Status& status) { return {FailureReason::kRefused, status.message()}; }

// What this machine lacks is refused, bad data is bad everywhere.
Failure FailureOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kCancelled:
      return {FailureReason::kInterrupted, status.message()};
    case StatusCode::kNotFound:
    case StatusCode::kFailedPrecondition:
      return Refused(status);
    default:
      return {FailureReason::kData, status.message()};
  }
}

// Seconds since the last call.
class Stopwatch {
 public:
  double Lap() {
    auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Sums over the padded squares, and over what the implementation computes, of one epoch.
void CountProducts(const TrialSpec& spec, const TokenizedSplit& train, const TokenizedSplit& dev,
                   const BertConfig& config, bool padded_products, TrialResult* result) {
  double padded = 0, trained = 0, kept = 0;
  auto count = [&](const TokenizedSplit& split, const BatchOrder& order, bool training) {
    for (const auto& batch : order) {
      double longest = 0;
      for (int64_t i : batch) longest = std::max<double>(longest, split.length(i));
      for (int64_t i : batch) {
        double side = padded_products ? longest : split.length(i);
        padded += longest * longest;
        if (training) trained += side * side;
      }
    }
  };
  count(train, TrainOrder(train.lengths(), spec.training.batch_size, spec.seed, 0), true);
  count(dev, EvalOrder(dev.lengths(), kEvalBatch), false);
  for (const MaskRow& row : result->masks) kept += static_cast<double>(row.kept);
  result->density_padded = kept / (padded * static_cast<double>(result->masks.size()));
  // Two products forward, four backward, each a multiplication and an addition per element.
  result->flops = 12.0 * trained * config.hidden * config.layers;
}

}  // namespace

template <typename T>
std::shared_ptr<T> TrialRunner::Recent<T>::Find(const std::string& key) {
  for (auto item = items.begin(); item != items.end(); ++item) {
    if (item->first != key) continue;
    items.splice(items.begin(), items, item);
    return items.front().second;
  }
  return nullptr;
}

template <typename T>
void TrialRunner::Recent<T>::Put(const std::string& key, std::shared_ptr<T> value) {
  items.emplace_front(key, std::move(value));
  if (items.size() > kKept) items.pop_back();
}

Status TrialRunner::FillFingerprints(TrialSpec* spec) {
  auto model = ModelFingerprint(ModelFolder(options_.data_folder, spec->model), hashes_);
  if (!model.ok()) return model.status();
  auto data = DataFingerprint(options_.data_folder, spec->task, hashes_);
  if (!data.ok()) return data.status();
  if (spec->model_fingerprint.empty()) spec->model_fingerprint = *model;
  if (spec->data_fingerprint.empty()) spec->data_fingerprint = *data;
  return {};
}

Result<std::shared_ptr<TrialTexts>> TrialRunner::Texts(
    const TrialSpec& spec, const Plan& plan, const std::string& key, int64_t train, int64_t dev,
    const std::shared_ptr<const Checkpoint>& checkpoint, TrialObserver& observer) {
  auto texts = texts_.Find(key);
  if (!texts) {
    auto tokenizer = Tokenizer::Load(checkpoint->folder);
    if (!tokenizer.ok()) return tokenizer.status();
    Status truncated = tokenizer->Truncate(static_cast<int>(spec.training.max_length));
    if (!truncated.ok()) return truncated;
    auto read =
        TrialTexts::Read(spec.task, options_.data_folder, *std::move(tokenizer), checkpoint);
    if (!read.ok()) return read.status();
    texts = *read;
    texts_.Put(key, texts);
  }
  Status prepared = texts->Prepare(plan, ExamplesOf(*texts, train, dev), parser_,
                                   [&] { return observer.Cancelled(); });
  if (!prepared.ok()) return prepared;
  return texts;
}

Status TrialRunner::AttestTrial(AttestRequest request, Bert& model,
                                std::optional<LearnedRun>& learned, TrialResult* result) {
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
      request, attention, [&](int layer, int head) { return model.HeadPath(layer, head); }, masks_);
  model.UseMasks(training);
  if (!attestation.ok()) return attestation.status();
  result->masks = attestation->rows;
  result->attestation_root = attestation->root;
  result->density = attestation->density;
  result->tile_sparsity = attestation->tile_sparsity;
  return {};
}

std::variant<TrialResult, Failure> TrialRunner::Run(const TrialSpec& spec,
                                                    const std::string& attempt,
                                                    TrialObserver& observer) {
  const Failure interrupted{FailureReason::kInterrupted, "the run was cancelled"};
  ResetPeakBytes();
  Stopwatch watch;
  TrialResult result;

  observer.OnPhase("check", 0, 0);
  if (spec.kind != "finetune" || spec.task.type != "classification") {
    return Refused(InvalidArgument("this trainer has kind finetune of type classification, not " +
                                   spec.kind + " of " + spec.task.type));
  }
  const std::string folder = ModelFolder(options_.data_folder, spec.model).string();
  if (options_.device != "auto" && spec.device != "auto" && spec.device != options_.device) {
    return Refused(Status(StatusCode::kFailedPrecondition,
                          "device \"" + spec.device + "\" was asked for and this worker offers \"" +
                              options_.device + "\" only"));
  }
  auto device = ChooseDevice(spec.device == "auto" ? options_.device : spec.device);
  if (!device.ok()) return Refused(device.status());
  auto model_hash = ModelFingerprint(folder, hashes_);
  if (!model_hash.ok()) return Refused(model_hash.status());
  auto data_hash = DataFingerprint(options_.data_folder, spec.task, hashes_);
  if (!data_hash.ok()) return Refused(data_hash.status());
  for (auto [what, have, want] : {std::tuple("model", &*model_hash, &spec.model_fingerprint),
                                  std::tuple("data", &*data_hash, &spec.data_fingerprint)}) {
    if (*have != *want) {
      return Refused(
          InvalidArgument(std::string("the ") + what + " files of this machine have fingerprint " +
                          *have + ", the trial wants " + *want + "; copy the server's files here"));
    }
  }
  if (observer.Cancelled()) return interrupted;

  observer.OnPhase("load", 0, 0);
  auto checkpoint = checkpoints_.Find(*model_hash);
  if (!checkpoint) {
    auto loaded = LoadCheckpoint(folder);
    if (!loaded.ok()) return Refused(loaded.status());
    checkpoint = *loaded;
    checkpoints_.Put(*model_hash, checkpoint);
  }
  const BertConfig& config = checkpoint->config;
  Status fits = CheckModel(spec, config);
  if (!fits.ok()) return Refused(fits);
  result.load_seconds = watch.Lap();
  if (observer.Cancelled()) return interrupted;

  observer.OnPhase("tokenize", 0, 0);
  const int max_length = static_cast<int>(spec.training.max_length);
  const std::string data_key = *model_hash + *data_hash + std::to_string(max_length);
  auto tokenized = tokenized_.Find(data_key);
  if (!tokenized) {
    auto tokenizer = Tokenizer::Load(folder);
    if (!tokenizer.ok()) return Refused(tokenizer.status());
    Status vocabulary = CheckVocabulary(spec, *tokenizer, config);
    if (!vocabulary.ok()) return Refused(vocabulary);
    Status truncated = tokenizer->Truncate(max_length);
    if (!truncated.ok()) return Refused(truncated);
    auto examples = ReadExamples(spec.task, options_.data_folder);
    if (!examples.ok()) return FailureOf(examples.status());
    auto made = Tokenize(*tokenizer, *examples);
    if (!made.ok()) return Failure{FailureReason::kData, made.status().message()};
    tokenized = *made;
    tokenized_.Put(data_key, tokenized);
  }
  const TokenizedSplit train = FirstExamples(tokenized->train, spec.training.train_examples);
  const TokenizedSplit& dev = tokenized->dev;
  result.tokenize_seconds = watch.Lap();
  if (observer.Cancelled()) return interrupted;

  observer.OnPhase("plan", 0, 0);
  auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
  if (!plan.ok()) return Refused(plan.status());
  std::shared_ptr<TrialTexts> texts;
  if (plan->needs_text()) {
    auto prepared = Texts(spec, *plan, data_key, train.size(), dev.size(), checkpoint, observer);
    if (!prepared.ok()) return FailureOf(prepared.status());
    texts = *prepared;
  }
  if (NeedsParses(*plan)) {
    const auto counts = texts->Counts(ExamplesOf(*texts, train.size(), dev.size()));
    result.parsed_share = static_cast<double>(counts.parsed) /
                          static_cast<double>(std::max<int64_t>(counts.sentences, 1));
    result.warnings = ParseWarnings(counts);
  }
  auto planned = PlanTrial(spec, *plan, train, dev, texts, options_.path, masks_);
  if (!planned.ok()) return Refused(planned.status());
  const TrialMasks& masks = **planned;
  for (std::string& warning :
       PlanWarnings(*plan, masks.lengths, spec.training.pooling, masks.mask_seed)) {
    result.warnings.push_back(std::move(warning));
  }
  Bert model(*checkpoint,
             {tokenized->vocabulary, max_length, static_cast<int>(spec.task.labels.size()),
              spec.training.pooling == "mean", spec.seed, *device},
             *masks.mask_plan);
  std::optional<LearnedRun> learned;
  if (masks.plan.learned()) {
    LengthCounts lengths;
    for (int length : train.lengths()) ++lengths[length];
    learned.emplace(masks, lengths, options_.path, masks_, *device);
    model.UseDegrees(learned->degrees());
  }
  result.plan_seconds = watch.Lap();
  if (observer.Cancelled()) return interrupted;

  observer.OnPhase("attest", 0, 0);
  AttestRequest request{
      &masks.plan, masks.mask_seed,        masks.lengths, attempt, config.hidden / config.heads,
      *device,     options_.implementation};
  request.examples = masks.examples;
  request.example_lengths = train.lengths();
  for (int length : dev.lengths()) request.example_lengths.push_back(length);
  request.train = train.size();
  Status attested = AttestTrial(request, model, learned, &result);
  if (!attested.ok()) return Failure{FailureReason::kAttestation, attested.message()};
  result.attest_seconds = watch.Lap();
  if (observer.Cancelled()) return interrupted;

  observer.OnPhase("train", TotalSteps(spec.training, train.size()),
                   static_cast<int64_t>(spec.training.epochs));
  auto outcome = Train({&spec.training, &train, &dev, static_cast<int>(spec.task.labels.size()),
                        spec.seed, *device, options_.implementation, learned ? &*learned : nullptr},
                       model, observer);
  if (auto* failure = std::get_if<Failure>(&outcome)) return *failure;
  const auto& trained = std::get<TrainOutcome>(outcome);
  if (learned) {  // what was learned in the meantime
    watch.Lap();
    attested = AttestTrial(request, model, learned, &result);
    if (!attested.ok()) return Failure{FailureReason::kAttestation, attested.message()};
    result.attest_seconds += watch.Lap();
    result.degrees = learned->Rows();
  }

  result.metric = "accuracy";
  result.value = trained.metrics.at("accuracy");
  result.metrics = trained.metrics;
  result.train_seconds = trained.train_seconds;
  result.eval_seconds = trained.eval_seconds;
  result.steps = trained.steps;
  result.train_examples = train.size();
  result.eval_examples = dev.size();
  result.lengths = masks.lengths;
  result.device = DescribeDevice(*device);
  result.threads = options_.threads;
  result.versions = Versions();
  result.peak_bytes = PeakBytes();
  const bool padded_products =
      !device->is_cpu() || options_.implementation == Implementation::kPortable;
  CountProducts(spec, train, dev, config, padded_products, &result);
  return result;
}

}  // namespace sparsweep
