// Forward and backward of the attention operator, per pattern and length, against LibTorch's
// scaled_dot_product_attention with the same mask and against the materialised softmax: interleaved
// runs, the ratio of neighbours with a 95 % interval, and what each needs of memory at its peak.
//   attention_bench [--threads 1] [--heads 4] [--lengths 128 512] [--patterns "window(32)"]
//                   [--path masked] [--precision bfloat16]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include "attention/attention.h"

namespace sparsweep {
namespace {

constexpr double kStudent95[] = {0,    12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26,
                                 2.23, 2.20,  2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09};

struct Shape {
  int64_t batch, heads, length, head_size;
};

int64_t StatusKib(const std::string& field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1));
  }
  return 0;
}

// MiB of the resident set beyond what there was before.
double PeakOf(const std::function<void()>& run) {
  malloc_trim(0);
  const int64_t before = StatusKib("VmRSS");
  std::ofstream("/proc/self/clear_refs") << 5;
  run();
  return static_cast<double>(StatusKib("VmHWM") - before) / 1024;
}

double SecondsOf(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// "0.52 [0.50, 0.54]": the geometric mean of a/b over the runs.
std::string Ratio(const std::vector<double>& a, const std::vector<double>& b) {
  const size_t n = a.size();
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) sum += std::log(a[i] / b[i]);
  const double mean = sum / n;
  for (size_t i = 0; i < n; ++i) squares += std::pow(std::log(a[i] / b[i]) - mean, 2);
  const double reach =
      n > 1 ? kStudent95[std::min<size_t>(n - 1, 19)] * std::sqrt(squares / (n - 1) / n) : 0;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f [%.2f, %.2f]", std::exp(mean), std::exp(mean - reach),
                std::exp(mean + reach));
  return text;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Patterns that meet every path, for this number of heads.
std::vector<std::string> UsualPatterns(int64_t heads) {
  std::vector<std::string> patterns = {"dense", "block(2)"};
  if (heads > 1) {
    const std::string half = std::to_string(heads / 2) + "-" + std::to_string(heads - 1);
    patterns.push_back("heads " + half + ": block(2, shift=1)");
  }
  for (const char* pattern : {"window(8)", "window(32)", "window(16, dilation=4)",
                              "global(2) + window(3) + random(3)", "strided(32)"}) {
    patterns.push_back(pattern);
  }
  return patterns;
}

// Prints a row of the table; an error where the pattern cannot be had at this shape.
Status Measure(const std::string& pattern, const Shape& s, PathChoice choice, at::ScalarType dtype,
               int runs) {
  const int n = static_cast<int>(s.length);
  auto resolved = Plan::Resolve(pattern, {1, static_cast<int>(s.heads), n});
  if (!resolved.ok()) return resolved.status();
  const Plan& plan = *resolved;
  MaskCache cache;
  auto made = MaskPlan::Make(plan, {0, choice, {}, {}}, {n}, cache);
  if (!made.ok()) return made.status();
  const LayerMasks& masks = (*made)->layer(0);
  const int64_t hidden = s.heads * s.head_size;
  at::manual_seed(1);
  at::Tensor qkv = at::randn({s.batch, s.length, 3 * hidden}).to(dtype).requires_grad_(true);
  at::Tensor d_out = at::randn({s.batch, s.length, hidden}).to(dtype);
  AttentionBatch for_mask(std::vector<int>(s.batch, n), n);
  const bool dense = plan.is_dense();
  // One mask per head at most: LibTorch's call is given what all examples share.
  at::Tensor log_mask;
  if (!dense) {
    AttentionBatch one({n}, n);
    log_mask = one.LogMask(masks, at::kCPU).to(dtype);
  }
  auto parts = [&] {
    return qkv.view({s.batch, s.length, 3, s.heads, s.head_size}).permute({2, 0, 3, 1, 4});
  };
  auto back = [&](const at::Tensor& out) { torch::autograd::grad({out}, {qkv}, {d_out}); };
  auto ours = [&] {
    AttentionBatch batch(std::vector<int>(s.batch, n), n);
    back(Attend(qkv, masks, batch, {}));
  };
  auto library = [&] {
    at::Tensor p = parts();
    std::optional<at::Tensor> mask;
    if (!dense) mask = log_mask;
    back(at::scaled_dot_product_attention(p[0], p[1], p[2], mask)
             .transpose(1, 2)
             .reshape({s.batch, s.length, hidden}));
  };
  auto materialised = [&] {
    at::Tensor p = parts();
    at::Tensor scores = at::matmul(p[0], p[1].transpose(-1, -2)) / std::sqrt(double(s.head_size));
    if (!dense) scores = scores + log_mask;
    back(at::matmul(at::softmax(scores, -1), p[2])
             .transpose(1, 2)
             .reshape({s.batch, s.length, hidden}));
  };
  const double memory[] = {PeakOf(ours), PeakOf(library), PeakOf(materialised)};
  std::vector<double> a, b, c;
  for (int run = 0; run < runs; ++run) {
    a.push_back(SecondsOf(ours));
    b.push_back(SecondsOf(library));
    c.push_back(SecondsOf(materialised));
  }
  std::printf("| %s | %s | %lld | %.2f | %s | %s | %.0f, %.0f, %.0f |\n", pattern.c_str(),
              AttentionPathName(masks.path(static_cast<int>(s.heads) - 1)),
              static_cast<long long>(s.length), 1000 * Median(a), Ratio(a, b).c_str(),
              Ratio(a, c).c_str(), memory[0], memory[1], memory[2]);
  std::fflush(stdout);
  return {};
}

int Main(int argc, char** argv) {
  CLI::App app("Attention beside LibTorch's, forward and backward");
  int threads = 1, runs = 10;
  int64_t heads = 4, head_size = 64, tokens = 4096;
  std::vector<int64_t> lengths = {128, 512, 1024, 2048};
  std::vector<std::string> patterns;
  std::string path = "auto", precision = "float32";
  const CLI::Range positive(1, 1 << 20);
  app.add_option("--threads", threads)->check(positive);
  app.add_option("--runs", runs)->check(positive);
  app.add_option("--heads", heads)->check(positive);
  app.add_option("--head-size", head_size)->check(positive);
  app.add_option("--tokens", tokens, "in a batch: batch = tokens / length")->check(positive);
  app.add_option("--lengths", lengths)->check(positive);
  app.add_option("--patterns", patterns);
  app.add_option("--path", path);
  app.add_option("--precision", precision)->check(CLI::IsMember({"float32", "bfloat16"}));
  CLI11_PARSE(app, argc, argv);
  auto choice = ParsePathChoice(path);
  if (!choice.ok()) {
    std::fprintf(stderr, "%s\n", choice.status().message().c_str());
    return 1;
  }
  if (patterns.empty()) patterns = UsualPatterns(heads);
  at::set_num_threads(threads);
  std::printf("%d thread(s), %s, %lld heads of %lld, %lld tokens in a batch, median of %d runs\n\n",
              threads, precision.c_str(), static_cast<long long>(heads),
              static_cast<long long>(head_size), static_cast<long long>(tokens), runs);
  std::printf(
      "| pattern | path | N | ms | / masked SDPA | / materialised | peak MiB: ours, SDPA, "
      "materialised |\n");
  std::printf("|---|---|---|---|---|---|---|\n");
  for (const std::string& pattern : patterns) {
    for (int64_t length : lengths) {
      Status measured =
          Measure(pattern, {std::max<int64_t>(1, tokens / length), heads, length, head_size},
                  *choice, precision == "float32" ? at::kFloat : at::kBFloat16, runs);
      if (measured.ok()) continue;
      std::fprintf(stderr, "%s\n", measured.message().c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace sparsweep

int main(int argc, char** argv) { return sparsweep::Main(argc, argv); }
