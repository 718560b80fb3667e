// Seconds per training step of the trainer itself: forward, backward, clipping and AdamW on one
// batch shape, with what a trial has around it (batch building, dropout, fresh batches).
//   step_bench --model DIR [--attention TEXT] [--batch 32] [--tokens 17] [--threads 1] [--steps 60]
// With --serve it takes the number of steps from each line of stdin and answers with their mean time,
// so that bench/step/compare.py can run it in turn with hf_step.py, the same step in Hugging Face.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "trainer/bert.h"
#include "trainer/device.h"
#include "trainer/optimizer.h"

namespace sparsweep {
namespace {

// Texts of `tokens` made-up tokens out of a vocabulary of the quickstart's size.
TokenizedSplit MadeUpTexts(int count, int tokens, int vocabulary) {
  TokenizedSplit split;
  for (int i = 0; i < count * tokens; ++i) split.ids.push_back(i * 7919 % vocabulary);
  split.types.assign(split.ids.size(), 0);
  for (int i = 0; i < count; ++i) {
    split.begin.push_back(int64_t{i + 1} * tokens);
    split.labels.push_back(i % 2);
  }
  return split;
}

int Main(int argc, char** argv) {
  CLI::App app("Seconds per training step");
  std::string folder, attention = "dense";
  int batch_size = 32, tokens = 17, threads = 1, steps = 60, vocabulary = 5000;
  bool portable = false, serve = false, recompute = false;
  std::string precision = "float32";
  app.add_option("--model", folder)->required();
  app.add_option("--attention", attention);
  app.add_option("--batch", batch_size);
  app.add_option("--tokens", tokens);
  app.add_option("--threads", threads);
  app.add_option("--steps", steps);
  app.add_option("--vocabulary", vocabulary, "distinct tokens in the data");
  app.add_flag("--portable", portable, "LibTorch's operators instead of the kernels");
  app.add_option("--precision", precision)->check(CLI::IsMember({"float32", "bfloat16"}));
  app.add_flag("--checkpointing", recompute);
  app.add_flag("--serve", serve, "steps asked for on stdin, one line each");
  CLI11_PARSE(app, argc, argv);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
  at::set_num_threads(threads);

  auto checkpoint = LoadCheckpoint(folder);
  if (!checkpoint.ok()) {
    std::fprintf(stderr, "%s\n", checkpoint.status().message().c_str());
    return 1;
  }
  const BertConfig& config = (*checkpoint)->config;
  auto plan = Plan::Resolve(attention, {config.layers, config.heads, tokens});
  if (!plan.ok()) {
    std::fprintf(stderr, "%s\n", plan.status().message().c_str());
    return 1;
  }
  const Implementation how = portable ? Implementation::kPortable : Implementation::kAuto;
  MaskCache cache;
  auto masks = MaskPlan::Make(*plan, {}, {tokens}, cache).value();
  BertOptions options;
  for (int i = 0; i < vocabulary; ++i) options.vocabulary.push_back(i);
  options.max_length = std::max(64, tokens);
  options.precision = precision == "bfloat16" ? at::kBFloat16 : at::kFloat;
  options.recompute = recompute;
  ResetPeakBytes();
  const int64_t before = PeakBytes();
  Bert model(**checkpoint, options, *masks);
  AdamW optimizer(model.parameters(), 0.01);
  TokenizedSplit texts = MadeUpTexts(batch_size * 8, tokens, vocabulary);

  int64_t number = 0;
  const auto step = [&] {
    std::vector<int64_t> examples;
    for (int i = 0; i < batch_size; ++i) examples.push_back((number % 8) * batch_size + i);
    auto start = std::chrono::steady_clock::now();
    Batch batch = MakeBatch(texts, examples, at::kCPU);
    AttentionBatch lengths(batch.lengths, batch.padded, how);
    Pass pass{1, static_cast<uint32_t>(number++), DropoutStream::Threshold(0.1)};
    at::Tensor loss = at::cross_entropy_loss(model.Logits(batch, lengths, pass), batch.labels);
    (void)loss.item<double>();
    loss.backward();
    optimizer.Step(1e-4, 1.0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  if (serve) {
    for (int asked; std::cin >> asked;) {
      double seconds = 0;
      for (int i = 0; i < asked; ++i) seconds += step();
      std::printf("%.9f %.1f\n", seconds / asked,
                  static_cast<double>(PeakBytes() - before) / (1 << 20));
      std::fflush(stdout);
    }
    return 0;
  }
  std::vector<double> times;
  for (int i = 0; i < steps + 10; ++i) {
    const double seconds = step();
    if (i >= 10) times.push_back(seconds);
  }
  std::ranges::sort(times);
  double median = times[times.size() / 2];
  std::printf(
      "%.2f ms per step (median of %zu; 10th percentile %.2f), %.0f tokens/s, %.0f MiB, %d threads\n",
      1000 * median, times.size(), 1000 * times[times.size() / 10], batch_size * tokens / median,
      static_cast<double>(PeakBytes() - before) / (1 << 20), threads);
  return 0;
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) { return sparsweep::Main(argc, argv); }
