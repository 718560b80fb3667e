#include "attention/attest.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <set>

#include "attention/attest_own.h"
#include "attention/attest_probe.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

// Texts in a call: more where they are short, so that calls stay few and small.
constexpr size_t kTextsPerCall = 16, kMostTexts = 64, kTokensPerCall = 4096;

using Known = std::shared_ptr<const KnownMask>;

std::string LittleEndian(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

class Attester {
 public:
  Attester(const AttestRequest& request, const LayerAttention& attention, const LayerPath& path,
           MaskCache& cache)
      : request_(request),
        plan_(*request.plan),
        attention_(attention),
        path_(path),
        cache_(cache),
        probe_(request.attempt, LongestOf(request), plan_.heads(), request.head_size,
               request.device, request.precision),
        own_(plan_, Context(0, 0, Phase::kTraining)) {
    for (size_t i = 0; i < request.example_lengths.size(); ++i) {
      if (IsCounted(i)) {
        ++histogram_[IsDev(i)][request.example_lengths[i]];
      } else {
        uncounted_.insert(request.example_lengths[i]);
      }
    }
    if (request.example_lengths.empty()) histogram_[0] = request.lengths;
  }

  Result<Attestation> Run() {
    for (Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
      Status status = ProbeLengths(phase);
      if (!status.ok()) return status;
    }
    Status status = ProbeExamples();
    if (!status.ok()) return status;
    return Store();
  }

 private:
  bool IsDev(size_t example) const { return static_cast<int64_t>(example) >= request_.train; }
  bool IsCounted(size_t example) const { return static_cast<int64_t>(example) < CountedEnd(); }
  const Pattern& At(int layer, int head) const { return plan_.at(layer, head); }
  bool IsAsked(int layer, int head) const {
    return !IsLearned(At(layer, head)) || request_.learned;
  }
  MaskContext Context(int layer, int head, Phase phase) const {
    MaskContext context;
    context.mask_seed = request_.mask_seed;
    context.layer = layer;
    context.head = head;
    context.max_length = plan_.context().max_length;
    context.heads = plan_.heads();
    context.phase = phase;
    return context;
  }
  Known OfLength(int layer, int head, int length, Phase phase) {
    const Pattern& pattern = At(layer, head);
    const MaskContext context = Context(layer, head, phase);
    if (!IsLearned(pattern)) return cache_.Get(pattern, length, context);
    Known& known = learned_[{layer, head, length}];
    if (!known) known = cache_.Share(request_.learned(pattern, length, context));
    return known;
  }

  at::Tensor Ask(int layer, const at::Tensor& qkv, AttentionBatch& batch) {
    return attention_(layer, qkv, batch).to(at::kCPU, at::kFloat).contiguous();
  }

  Status Compare(int layer, const at::Tensor& answer, const AttentionBatch& batch,
                 const std::function<Known(int b, int head)>& known) {
    for (int b = 0; b < batch.size(); ++b) {
      for (int head = 0; head < plan_.heads(); ++head) {
        if (!IsAsked(layer, head)) continue;
        const int query = probe_.FirstMismatch(answer, b, head, known(b, head));
        if (query >= 0) return Mismatch(layer, head, batch, b, query);
      }
    }
    return {};
  }

  // Every length, at every layer whose masks depend on no more than that.
  Status ProbeLengths(Phase phase) {
    const bool evaluation = phase == Phase::kEvaluation;
    std::vector<int> layers;
    for (int layer = 0; layer < plan_.layers(); ++layer) {
      bool by_length = true, by_phase = false;
      for (int head = 0; head < plan_.heads(); ++head) {
        by_length &= own_.index(layer, head) < 0;
        by_phase |= DependsOnPhase(At(layer, head));
      }
      // The phases differ only where a pattern knows them; else all lengths are asked at once.
      if (by_length && (by_phase || !evaluation)) layers.push_back(layer);
    }
    if (layers.empty()) return {};
    std::vector<int> all;
    for (int length = 0, most = Longest(); length <= most; ++length) {
      if (Examples(0, length) + Examples(1, length) > 0 || uncounted_.contains(length)) {
        all.push_back(length);
      }
    }
    for (size_t first = 0; first < all.size(); first += kTextsPerCall) {
      std::vector<int> lengths(all.begin() + first,
                               all.begin() + std::min(all.size(), first + kTextsPerCall));
      AttentionBatch batch(lengths, std::vector<int64_t>(lengths.size(), -1), lengths.back(),
                           request_.implementation, phase);
      const at::Tensor qkv = probe_.Question(batch);
      for (int layer : layers) {
        Status status = Compare(layer, Ask(layer, qkv, batch), batch, [&](int b, int head) {
          return OfLength(layer, head, lengths[b], phase);
        });
        if (!status.ok()) return status;
      }
    }
    return {};
  }

  // Every example at one layer of each group; counts and hashes on the way.
  Status ProbeExamples() {
    if (own_.empty()) return {};
    const auto& lengths = request_.example_lengths;
    const int64_t count = static_cast<int64_t>(lengths.size());
    // Hashes run in the order of the table; questions too, neighbours in a call.
    const size_t most = std::clamp(kTokensPerCall / Longest(), kTextsPerCall, kMostTexts);
    size_t calls = 0;
    for (int64_t first = 0; first < count; ++calls) {
      const Phase phase = IsDev(first) ? Phase::kEvaluation : Phase::kTraining;
      const bool counted = IsCounted(first);
      const int64_t split_end = !IsDev(first) ? request_.train : counted ? CountedEnd() : count;
      std::vector<int> mine;
      std::vector<int64_t> examples;
      for (; first < split_end && mine.size() < most; ++first) {
        mine.push_back(lengths[first]);
        examples.push_back(first);
      }
      AttentionBatch batch(mine, examples, *std::ranges::max_element(mine), request_.implementation,
                           phase);
      const at::Tensor qkv = probe_.Question(batch);
      // First all answers: the operator makes the masks, which training needs, then they are known.
      std::vector<std::pair<int, at::Tensor>> answers;
      for (const std::vector<int>& group : own_.groups()) {
        const int layer = group[calls % group.size()];
        answers.emplace_back(layer, Ask(layer, qkv, batch));
      }
      const auto known = own_.Count(request_.examples, examples, phase, counted);
      for (const auto& [asked, answer] : answers) {
        const int layer = asked;
        Status status = Compare(layer, answer, batch, [&](int b, int head) {
          const int own = own_.index(layer, head);
          return own >= 0 ? known[own][b] : OfLength(layer, head, mine[b], phase);
        });
        if (!status.ok()) return status;
      }
    }
    own_.Finish();
    return {};
  }

  Attestation Store() {
    Attestation attestation;
    std::string lines;
    MaskCounts all;
    for (int layer = 0; layer < plan_.layers(); ++layer) {
      for (int head = 0; head < plan_.heads(); ++head) {
        // Learned heads train on one path and are evaluated, hardened, on another.
        const std::string path =
            (IsLearned(At(layer, head)) && request_.learned ? "learned+" : "") +
            std::string(AttentionPathName(path_(layer, head)));
        const std::string place = std::to_string(layer) + " " + std::to_string(head) + " ";
        auto line = [&](const std::string& of, int64_t kept, const std::string& hash) {
          lines += place + of + " " + std::to_string(kept) + " " + hash + " " + path + "\n";
        };
        MaskCounts counts;
        Sha256Hasher hasher;
        const int own = own_.index(layer, head);
        if (own >= 0) {
          counts = own_.counts(own);
          for (Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
            const std::string& digest = own_.digest(own, phase);
            hasher.Update(digest);
            line(phase == Phase::kTraining ? "train" : "dev", own_.kept(own, phase), digest);
          }
        } else if (IsAsked(layer, head)) {
          const bool by_phase = DependsOnPhase(At(layer, head));
          for (int split = 0; split < (by_phase ? 2 : 1); ++split) {
            const Phase phase = split ? Phase::kEvaluation : Phase::kTraining;
            for (int length = 0, most = Longest(); length <= most; ++length) {
              const int64_t train = Examples(0, length), dev = Examples(1, length);
              if (train + dev == 0) continue;
              Known known = OfLength(layer, head, length, phase);
              counts.Add(*known, by_phase ? (split ? dev : train) : train + dev);
              hasher.Update(LittleEndian(static_cast<uint32_t>(length)));
              hasher.Update(known->hash.data(), known->hash.size());
              line(std::to_string(length) + (split ? " evaluation" : ""), known->kept,
                   Hex(known->hash));
            }
          }
        }
        MaskRow row;
        row.layer = layer;
        row.head = head;
        row.kept = counts.kept;
        row.density = counts.density();
        row.empty_rows = counts.empty_rows;
        row.tile_sparsity = counts.tile_sparsity();
        row.path = path;
        row.hash = Hex(hasher.Finish());
        attestation.rows.push_back(std::move(row));
        all.Add(counts);
      }
    }
    attestation.root = Sha256Hex(lines);
    if (all.entries) attestation.density = all.density();
    attestation.tile_sparsity = all.tile_sparsity();
    return attestation;
  }

  static int LongestOf(const AttestRequest& request) {
    int longest = request.lengths.rbegin()->first;
    for (int length : request.example_lengths) longest = std::max(longest, length);
    return longest;
  }
  int Longest() const { return longest_; }
  int64_t CountedEnd() const {
    return request_.counted < 0 ? static_cast<int64_t>(request_.example_lengths.size())
                                : request_.counted;
  }
  int64_t Examples(int split, int length) const {
    auto found = histogram_[split].find(length);
    return found == histogram_[split].end() ? 0 : found->second;
  }

  Status Mismatch(int layer, int head, const AttentionBatch& batch, int b, int query) const {
    std::string of =
        batch.example(b) >= 0 ? " for example " + std::to_string(batch.example(b)) : "";
    return {StatusCode::kInternal, "the attention operator did not apply the plan: layer " +
                                       std::to_string(layer) + " head " + std::to_string(head) +
                                       of + " at length " + std::to_string(batch.length(b)) +
                                       " used other keys than " + ToText(At(layer, head)) +
                                       " for query " + std::to_string(query)};
  }

  const AttestRequest& request_;
  const Plan& plan_;
  const LayerAttention& attention_;
  const LayerPath& path_;
  MaskCache& cache_;
  Probe probe_;
  std::map<int, int64_t> histogram_[2];  // length -> examples of train, of dev
  std::set<int> uncounted_;              // lengths of examples that are only asked
  const int longest_ = LongestOf(request_);
  std::map<std::tuple<int, int, int>, Known> learned_;
  OwnMasks own_;
};

}  // namespace

Result<Attestation> Attest(const AttestRequest& request, const LayerAttention& attention,
                           const LayerPath& path, MaskCache& cache) {
  at::NoGradGuard no_grad;
  return Attester(request, attention, path, cache).Run();
}

}  // namespace sparsweep
