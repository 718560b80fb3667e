// The kernels run on as many threads as LibTorch was told, in LibTorch's own pool, and compute the
// same bits on one and on two.
#include <ATen/Parallel.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "attention/soft_window.h"
#include "tests/attention/path_cases.h"

namespace sparsweep {
namespace {

// Leaves the other tests on one thread.
struct Threads {
  explicit Threads(int count) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(1); }
};

int64_t ThreadsOfThisProcess() {
  const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

// Three texts, two heads of 16.
struct Inputs {
  explicit Inputs(int longest) : lengths{longest, 1, (longest + 1) / 2}, padded(longest + 1) {
    at::manual_seed(3);
    qkv = at::randn({3, padded, 96});
    d_out = at::randn({3, padded, 32});
  }
  std::vector<int> lengths;
  int padded;
  at::Tensor qkv, d_out;
};

const DropoutStream kDropout{3, 1, DropoutSite::kAttention, 0, DropoutStream::Threshold(0.2)};

std::vector<at::Tensor> RunPath(const Inputs& in, const PathCase& c, int threads) {
  MaskCache cache;
  const auto masks =
      MaskPlan::Make(Plan::Resolve(c.pattern, {1, 2, 512}).value(), {5, c.path, {}, {}},
                     {in.lengths.begin(), in.lengths.end()}, cache)
          .value();
  AttentionBatch batch(in.lengths, in.padded);
  at::Tensor x = in.qkv.clone().requires_grad_(true);
  const Threads on(threads);
  at::Tensor out = Attend(x, masks->layer(0), batch, kDropout);
  return {out.detach(), torch::autograd::grad({out}, {x}, {in.d_out})[0]};
}

std::vector<at::Tensor> RunSoftWindow(const Inputs& in, int threads) {
  at::Tensor x = in.qkv.clone().requires_grad_(true);
  at::Tensor windows = at::linspace(1, 0.1, 8).repeat({2, 1}).requires_grad_(true);
  const Threads on(threads);
  at::Tensor out =
      SoftWindowAttention(x, 2, {0, 1}, windows, in.lengths, kDropout, Implementation::kAuto);
  auto grads = torch::autograd::grad({out}, {x, windows}, {in.d_out});
  return {out.detach(), grads[0], grads[1]};
}

TEST(Threads, ComeFromTheOneOpenMPRuntimeThatLibTorchLoads) {
  std::set<std::string> runtimes;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find('/');
    if (path == std::string::npos) continue;
    for (const char* runtime : {"libgomp", "libomp", "libiomp"}) {
      if (line.find(runtime, path) != std::string::npos) runtimes.insert(line.substr(path));
    }
  }
  EXPECT_EQ(runtimes.size(), 1u);
}

TEST(Threads, AreUsed) {
  const Inputs in(40);
  RunPath(in, {"window(3)", PathChoice::kWindow}, 1);
  const int64_t before = ThreadsOfThisProcess();
  RunPath(in, {"window(3)", PathChoice::kWindow}, 5);
  EXPECT_GE(ThreadsOfThisProcess(), before + 4) << "the pool stays for the next call";
}

TEST(Threads, DoNotChangeABit) {
  for (const int longest : {40, 300}) {
    const Inputs in(longest);
    for (const PathCase& c :
         {PathCase{"dense", PathChoice::kDense}, PathCase{"block(2, shift=1)", PathChoice::kBlock},
          PathCase{"window(5, dilation=2)", PathChoice::kWindow},
          PathCase{"bigbird(1, 2, 3)", PathChoice::kMasked}}) {
      const auto one = RunPath(in, c, 1), two = RunPath(in, c, 2);
      EXPECT_TRUE(at::equal(one[0], two[0])) << c.pattern;
      EXPECT_TRUE(at::equal(one[1], two[1])) << c.pattern;
    }
    const auto one = RunSoftWindow(in, 1), two = RunSoftWindow(in, 2);
    for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
  }
}

}  // namespace
}  // namespace sparsweep
