#include "trainer/objective.h"

#include <ATen/ATen.h>

#include <limits>

#include "trainer/metrics.h"
#include "trainer/qa_answers.h"

namespace sparsweep {
namespace {

class ClassJudge : public Judge {
 public:
  ClassJudge(const TokenizedSplit& split, int classes)
      : split_(split), counts_(classes, std::vector<int64_t>(classes)) {}

  void Add(const std::vector<int64_t>& examples, const Batch&, const at::Tensor& logits) override {
    const at::Tensor guesses = logits.argmax(-1).to(at::kCPU);
    for (size_t i = 0; i < examples.size(); ++i) {
      ++counts_[split_.labels[examples[i]]][guesses.const_data_ptr<int64_t>()[i]];
    }
  }
  Metrics Finish() const override {
    return {{"accuracy", Accuracy(counts_)}, {"f1", F1(counts_)}, {"matthews", Matthews(counts_)}};
  }

 private:
  const TokenizedSplit& split_;
  Confusion counts_;
};

class Classes : public Objective {
 public:
  explicit Classes(int classes) : classes_(classes) {}
  int outputs() const override { return classes_; }
  at::Tensor Loss(const at::Tensor& logits, const Batch& batch,
                  at::Reduction::Reduction reduction) const override {
    return at::cross_entropy_loss(logits, batch.labels, {}, reduction);
  }
  std::unique_ptr<Judge> MakeJudge(const TokenizedSplit& split,
                                   std::optional<double>) const override {
    return std::make_unique<ClassJudge>(split, classes_);
  }

 private:
  const int classes_;
};

class NumberJudge : public Judge {
 public:
  explicit NumberJudge(const TokenizedSplit& split) : split_(split) {}

  void Add(const std::vector<int64_t>& examples, const Batch&, const at::Tensor& logits) override {
    const at::Tensor values = logits.squeeze(-1).to(at::kCPU).contiguous();
    for (size_t i = 0; i < examples.size(); ++i) {
      guesses_.push_back(values.const_data_ptr<float>()[i]);
      truth_.push_back(split_.targets[examples[i]]);
    }
  }
  Metrics Finish() const override {
    return {{"pearson", Pearson(guesses_, truth_)}, {"spearman", Spearman(guesses_, truth_)}};
  }

 private:
  const TokenizedSplit& split_;
  std::vector<double> guesses_, truth_;
};

class Numbers : public Objective {
 public:
  int outputs() const override { return 1; }
  at::Tensor Loss(const at::Tensor& logits, const Batch& batch,
                  at::Reduction::Reduction reduction) const override {
    return at::mse_loss(logits.squeeze(-1), batch.targets, reduction);
  }
  std::unique_ptr<Judge> MakeJudge(const TokenizedSplit& split,
                                   std::optional<double>) const override {
    return std::make_unique<NumberJudge>(split);
  }
};

class SpanJudge : public Judge {
 public:
  SpanJudge(const TokenizedSplit& split, std::optional<double> null_threshold, bool by_exact)
      : split_(*split.qa), null_threshold_(null_threshold), by_exact_(by_exact), finder_(split_) {}

  void Add(const std::vector<int64_t>& examples, const Batch& batch,
           const at::Tensor& logits) override {
    const at::Tensor parts = logits.permute({0, 2, 1}).to(at::kCPU, at::kFloat).contiguous();
    for (size_t i = 0; i < examples.size(); ++i) {
      const float* starts = parts.const_data_ptr<float>() + i * 2 * batch.padded;
      finder_.Add(examples[i], starts, starts + batch.padded, batch.lengths[i]);
    }
  }
  Metrics Finish() const override {
    return ScoreQuestions(split_, finder_, null_threshold_, by_exact_);
  }

 private:
  const QaSplit& split_;
  const std::optional<double> null_threshold_;
  const bool by_exact_;
  AnswerFinder finder_;
};

class Spans : public Objective {
 public:
  explicit Spans(const TaskSpec& task)
      : null_threshold_(task.null_threshold), by_exact_(PrimaryMetric(task) == "exact_match") {}
  int outputs() const override { return 2; }
  bool per_token() const override { return true; }
  // The mean of the two cross-entropies, over the real tokens: padding is no candidate, so that a
  // loss does not depend on what a window shares its batch with.
  at::Tensor Loss(const at::Tensor& logits, const Batch& batch,
                  at::Reduction::Reduction reduction) const override {
    const std::vector<int64_t> sizes(batch.lengths.begin(), batch.lengths.end());
    const at::Tensor lengths = at::tensor(sizes, at::kLong).to(logits.device());
    const at::Tensor padding =
        at::arange(batch.padded, logits.device()).unsqueeze(0).ge(lengths.unsqueeze(1));
    const auto part = [&](int64_t which, const at::Tensor& place) {
      return at::cross_entropy_loss(
          logits.select(-1, which).masked_fill(padding, -std::numeric_limits<float>::infinity()),
          place, {}, reduction);
    };
    return (part(0, batch.starts) + part(1, batch.ends)) / 2;
  }
  std::unique_ptr<Judge> MakeJudge(const TokenizedSplit& split,
                                   std::optional<double> null_threshold) const override {
    return std::make_unique<SpanJudge>(split, null_threshold ? null_threshold : null_threshold_,
                                       by_exact_);
  }

 private:
  const std::optional<double> null_threshold_;
  const bool by_exact_;
};

}  // namespace

std::unique_ptr<const Objective> Objective::Make(const TaskSpec& task) {
  if (task.type == "regression") return std::make_unique<Numbers>();
  if (task.type == "qa") return std::make_unique<Spans>(task);
  return OfClasses(static_cast<int>(task.labels.size()));
}

std::unique_ptr<const Objective> Objective::OfClasses(int classes) {
  return std::make_unique<Classes>(classes);
}

}  // namespace sparsweep
