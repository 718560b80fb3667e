#include "trainer/pretrain_run.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "core/kept_folder.h"
#include "trainer/attest_phase.h"
#include "trainer/corpus.h"
#include "trainer/device.h"
#include "trainer/export.h"
#include "trainer/model_options.h"
#include "trainer/phases.h"
#include "trainer/pretrain_train.h"
#include "trainer/set_up.h"
#include "trainer/trial_checks.h"

namespace sparsweep {
namespace {

constexpr int kNoLimit = 1 << 30;  // tokens of one line of a corpus

// Also from one file system to another.
Status MoveFolder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::create_directories(to, error);
  if (!error) std::filesystem::copy(from, to, error);
  if (error) {
    return {StatusCode::kFailedPrecondition,
            to.string() + ": cannot be written: " + error.message() + "; is the disk full?"};
  }
  std::filesystem::remove_all(from, error);
  return {};
}

class Pretrain {
 public:
  explicit Pretrain(const RunContext& run) : run_(run) {}

  std::variant<TrialResult, Failure> Run() {
    const KindPhases phases{[this] { return TokenizeCorpus(); }, [this] { return MakeModel(); },
                            [this] { return AttestNow(); }};
    MaybeFailure failure = SetUp(run_, &prepared_, phases, &result_);
    if (!failure) failure = TrainModel();
    if (failure) return *failure;
    DescribeTraining(run_, prepared_, &result_);
    return result_;
  }

 private:
  MaybeFailure TokenizeCorpus() {
    const TrialSpec& spec = run_.spec;
    const int vocab = prepared_.checkpoint->config.vocab;
    auto tokenizer = Tokenizer::Load(prepared_.checkpoint->folder);
    if (!tokenizer.ok()) return Refused(tokenizer.status());
    Status usable = CheckVocabulary(spec, *tokenizer, prepared_.checkpoint->config);
    if (usable.ok()) usable = tokenizer->Truncate(kNoLimit);
    if (!usable.ok()) return Refused(usable);
    auto masking = MaskingOf(*tokenizer, vocab, spec.seed);
    if (!masking.ok()) return Refused(masking.status());
    masking_ = *masking;
    const std::string key = prepared_.model_hash + prepared_.data_hash +
                            std::to_string(spec.training.max_length) + " packed";
    prepared_.data = run_.resident.tokenized.Find(key);
    if (!prepared_.data) {
      auto corpus = ReadCorpus(spec.task, run_.options.data_folder);
      if (!corpus.ok()) return FailureOf(corpus.status());
      auto packed =
          PackCorpus(*tokenizer, vocab, *corpus, static_cast<int>(spec.training.max_length));
      if (!packed.ok()) return Failure{FailureReason::kData, packed.status().message()};
      prepared_.data = *packed;
      run_.resident.tokenized.Put(key, prepared_.data);
    }
    prepared_.train = FirstExamples(prepared_.data->train, spec.training.train_examples);
    return {};
  }

  MaybeFailure MakeModel() {
    const TrialSpec& spec = run_.spec;
    const int max_length = static_cast<int>(spec.training.max_length);
    auto plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
    if (!plan.ok()) return Refused(plan.status());
    if (plan->needs_text()) {
      return Refused(InvalidArgument(
          "kind \"pretrain\" packs texts into sequences, and \"" + spec.attention +
          "\" has a pattern of words, which needs whole sentences; use it with \"finetune\""));
    }
    if (MaybeFailure failure = MakeMasks(run_, &prepared_, &result_)) return failure;
    auto options = ModelOptions(spec, prepared_);
    if (!options.ok()) return Refused(options.status());
    options->head.kind = HeadKind::kMaskedLm;
    model_.emplace(*prepared_.checkpoint, *options, *prepared_.masks->mask_plan);
    AddLearned(run_, prepared_, *model_, &learned_);
    return {};
  }

  MaybeFailure AttestNow() { return AttestTrial(run_, prepared_, *model_, learned_, &result_); }

  MaybeFailure TrainModel() {
    const TrialSpec& spec = run_.spec;
    const std::string device = DescribeDevice(prepared_.device);
    PretrainRequest request;
    request.train = TrainingOf(run_, prepared_, learned_);
    request.train.metric = "perplexity";
    request.masking = masking_;
    request.state = StateFile(run_.options.data_folder, spec.identity);
    request.configuration = spec.identity;
    request.machine = device + ", " + std::to_string(run_.options.threads) + " threads, libtorch " +
                      Versions().at("libtorch");
    if (spec.training.checkpoint_every > 0 && spec.identity.empty()) {
      return Refused(InvalidArgument(
          "checkpoint_every: this trial has no identity under which a checkpoint could be found"));
    }
    std::optional<KeptModel> kept;
    // The best model so far must outlive a kill as the state does.
    const bool outlives = spec.keep == "best" && spec.training.checkpoint_every > 0;
    std::filesystem::path weights;
    if (spec.keep != "none") {
      kept.emplace(KeptFolder(run_.options.kept_folder, run_.attempt));
      weights = outlives ? std::filesystem::path(request.state.string() + ".best") : kept->folder();
      SaveTo(weights, run_, prepared_, *model_, learned_, &request.train);
    }
    const double waited = prepared_.masks->mask_plan->waited_seconds();  // by the attestation
    run_.observer.OnPhase("train", TotalSteps(spec.training, prepared_.train.size()),
                          static_cast<int64_t>(spec.training.epochs));
    auto outcome = TrainMaskedLm(request, *model_, run_.observer);
    if (auto* failure = std::get_if<Failure>(&outcome)) return *failure;
    const auto& pretrained = std::get<PretrainOutcome>(outcome);
    for (const std::string& warning : pretrained.warnings) result_.warnings.push_back(warning);
    StoreTrained(pretrained.train, request.train, started_, &result_);
    result_.plan_wait_seconds = prepared_.masks->mask_plan->waited_seconds() - waited;
    if (outlives) {
      if (Status moved = MoveFolder(weights, kept->folder()); !moved.ok()) return Refused(moved);
    }
    if (kept) {
      auto files = kept->Finish();
      if (!files.ok()) return Refused(files.status());
      result_.checkpoint = *files;
    }
    if (!learned_) return {};
    Stopwatch watch;  // what was learned in the meantime
    if (MaybeFailure failure = AttestNow()) return failure;
    result_.attest_seconds += watch.Lap();
    result_.degrees = learned_->Rows();
    return {};
  }

  const RunContext& run_;
  TrialResult result_;
  Prepared prepared_;
  Masking masking_;
  std::optional<Bert> model_;
  std::optional<LearnedRun> learned_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::variant<TrialResult, Failure> RunPretrain(const RunContext& run) {
  return Pretrain(run).Run();
}

Result<Masking> MaskingOf(const Tokenizer& tokenizer, int vocab, uint64_t seed) {
  Masking masking{.seed = seed, .mask_token = -1, .vocab = vocab, .special = {}};
  for (const char* text :
       {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<pad>", "<unk>", "<s>", "</s>", "<mask>"}) {
    if (const auto id = tokenizer.TokenId(text)) masking.special.push_back(*id);
  }
  std::ranges::sort(masking.special);
  for (const char* text : {"[MASK]", "<mask>"}) {
    if (const auto id = tokenizer.TokenId(text)) masking.mask_token = *id;
  }
  if (masking.mask_token < 0) {
    return InvalidArgument(
        "the model's tokenizer has no token [MASK] or <mask>, which masked language modelling "
        "needs");
  }
  return masking;
}

std::filesystem::path StateFile(const std::filesystem::path& data_folder,
                                const std::string& identity) {
  return data_folder / "cache" / "pretrain" / (identity + ".state");
}

}  // namespace sparsweep
