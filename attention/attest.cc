#include "attention/attest.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "attention/attest_probe.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

constexpr int kTextsPerCall = 16;

using Known = std::shared_ptr<const KnownMask>;

std::string LittleEndian(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// Sums over examples.
struct Counts {
  int64_t kept = 0, empty_rows = 0, entries = 0, tiles = 0, tiles_kept = 0;

  void Add(const KnownMask& known, int64_t examples) {
    const int64_t n = known.mask.length(), side = (n + 63) / 64;
    kept += examples * known.kept;
    empty_rows += examples * known.empty_rows;
    entries += examples * n * n;
    tiles += examples * side * side;
    tiles_kept += examples * known.tiles_kept;
  }
  void Add(const Counts& other) {
    kept += other.kept;
    empty_rows += other.empty_rows;
    entries += other.entries;
    tiles += other.tiles;
    tiles_kept += other.tiles_kept;
  }
  static double Share(int64_t part, int64_t whole, double otherwise) {
    return whole ? static_cast<double>(part) / static_cast<double>(whole) : otherwise;
  }
  double density() const { return Share(kept, entries, 0); }
  double tile_sparsity() const { return tiles ? 1 - Share(tiles_kept, tiles, 0) : 0; }
};

class Attester {
 public:
  Attester(const AttestRequest& request, const LayerAttention& attention, const LayerPath& path,
           MaskCache& cache)
      : request_(request),
        plan_(*request.plan),
        attention_(attention),
        path_(path),
        cache_(cache),
        probe_(request.attempt, request.lengths.rbegin()->first, plan_.heads(), request.head_size,
               request.device) {
    for (size_t i = 0; i < request.example_lengths.size(); ++i) {
      ++histogram_[IsDev(i)][request.example_lengths[i]];
    }
    if (request.example_lengths.empty()) histogram_[0] = request.lengths;
  }

  Result<Attestation> Run() {
    SortLayers();
    for (Phase phase : {Phase::kTraining, Phase::kEvaluation}) {
      Status status = ProbeLengths(phase);
      if (!status.ok()) return status;
    }
    Status status = ProbeExamples();
    if (!status.ok()) return status;
    return Store();
  }

 private:
  // What an example's own mask depends on beside the example.
  struct Own {
    const Pattern* pattern = nullptr;
    MaskContext context = {};
    Counts counts;
    Sha256Hasher hash[2];  // over the masks of train, of dev
    int64_t kept[2] = {0, 0};
    std::string digest[2];
  };

  bool IsDev(size_t example) const {
    return static_cast<int64_t>(example) >= request_.train;
  }
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

  // Which layers have masks of examples, and which of those have all of them in common.
  void SortLayers() {
    std::map<std::string, int> own_of;
    std::map<std::vector<int>, int> group_of;
    own_index_.assign(plan_.layers(), std::vector<int>(plan_.heads(), -1));
    for (int layer = 0; layer < plan_.layers(); ++layer) {
      bool all = true, any = false;
      for (int head = 0; head < plan_.heads(); ++head) {
        const Pattern& pattern = At(layer, head);
        all &= IsPerExample(pattern);
        if (!IsPerExample(pattern)) continue;
        any = true;
        std::string key = ToText(pattern);
        if (DependsOnHead(pattern)) key += "|" + std::to_string(layer) + "|" + std::to_string(head);
        auto [found, added] = own_of.emplace(key, own_.size());
        if (added) {
          Own& own = own_.emplace_back();
          own.pattern = &pattern;
          own.context = Context(layer, head, Phase::kTraining);
        }
        own_index_[layer][head] = found->second;
      }
      if (!any) continue;
      // Layers whose heads all have the same masks take turns.
      std::vector<int> key = own_index_[layer];
      if (!all) key.push_back(layer);
      auto [found, added] = group_of.emplace(std::move(key), groups_.size());
      if (added) groups_.emplace_back();
      groups_[found->second].push_back(layer);
    }
  }

  Status Compare(int layer, const at::Tensor& qkv, AttentionBatch& batch,
                 const std::function<Known(int b, int head)>& known) {
    at::Tensor answer = attention_(layer, qkv, batch).to(at::kCPU).contiguous();
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
        by_length &= own_index_[layer][head] < 0;
        by_phase |= DependsOnPhase(At(layer, head));
      }
      // The phases differ only where a pattern knows them; else all lengths are asked at once.
      if (by_length && (by_phase || !evaluation)) layers.push_back(layer);
    }
    if (layers.empty()) return {};
    std::vector<int> all;
    for (int length = 0, most = Longest(); length <= most; ++length) {
      if (histogram_[0].contains(length) || histogram_[1].contains(length)) all.push_back(length);
    }
    for (size_t first = 0; first < all.size(); first += kTextsPerCall) {
      std::vector<int> lengths(all.begin() + first,
                               all.begin() + std::min(all.size(), first + kTextsPerCall));
      AttentionBatch batch(lengths, std::vector<int64_t>(lengths.size(), -1), lengths.back(),
                           request_.implementation, phase);
      const at::Tensor qkv = probe_.Question(batch);
      for (int layer : layers) {
        Status status = Compare(layer, qkv, batch, [&](int b, int head) {
          return OfLength(layer, head, lengths[b], phase);
        });
        if (!status.ok()) return status;
      }
      probe_.Forget();
    }
    return {};
  }

  // Every example at one layer of each group; counts and hashes on the way.
  Status ProbeExamples() {
    if (own_.empty()) return {};
    const auto& lengths = request_.example_lengths;
    const int64_t count = static_cast<int64_t>(lengths.size());
    // Hashes run in the order of the table; questions too, neighbours in a call.
    for (int64_t first = 0; first < count;) {
      const Phase phase = IsDev(first) ? Phase::kEvaluation : Phase::kTraining;
      const int64_t split_end = IsDev(first) ? count : request_.train;
      const int64_t end = std::min(split_end, first + kTextsPerCall);
      std::vector<int> mine(lengths.begin() + first, lengths.begin() + end);
      std::vector<int64_t> examples(end - first);
      std::iota(examples.begin(), examples.end(), first);
      std::vector<std::vector<Known>> known(own_.size());
      for (size_t o = 0; o < own_.size(); ++o) {
        Own& own = own_[o];
        own.context.phase = phase;
        for (int64_t example : examples) {
          known[o].push_back(std::make_shared<const KnownMask>(
              KnownMask::Of(request_.examples(*own.pattern, own.context, example))));
          const KnownMask& mask = *known[o].back();
          own.counts.Add(mask, 1);
          own.kept[IsDev(first)] += mask.kept;
          own.hash[IsDev(first)].Update(mask.hash.data(), mask.hash.size());
        }
      }
      AttentionBatch batch(mine, examples, *std::ranges::max_element(mine),
                           request_.implementation, phase);
      const at::Tensor qkv = probe_.Question(batch);
      for (const std::vector<int>& group : groups_) {
        const int layer = group[first / kTextsPerCall % group.size()];
        Status status = Compare(layer, qkv, batch, [&](int b, int head) {
          const int own = own_index_[layer][head];
          return own >= 0 ? known[own][b] : OfLength(layer, head, mine[b], phase);
        });
        if (!status.ok()) return status;
      }
      probe_.Forget();
      first = end;
    }
    for (Own& own : own_) {
      for (int split : {0, 1}) own.digest[split] = Hex(own.hash[split].Finish());
    }
    return {};
  }

  Attestation Store() {
    Attestation attestation;
    std::string lines;
    Counts all;
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
        Counts counts;
        Sha256Hasher hasher;
        const int own = own_index_[layer][head];
        if (own >= 0) {
          counts = own_[own].counts;
          for (int split : {0, 1}) {
            hasher.Update(own_[own].digest[split]);
            line(split ? "dev" : "train", own_[own].kept[split], own_[own].digest[split]);
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

  int Longest() const { return request_.lengths.rbegin()->first; }
  int64_t Examples(int split, int length) const {
    auto found = histogram_[split].find(length);
    return found == histogram_[split].end() ? 0 : found->second;
  }

  Status Mismatch(int layer, int head, const AttentionBatch& batch, int b, int query) const {
    std::string of = batch.example(b) >= 0 ? " for example " + std::to_string(batch.example(b)) : "";
    return {StatusCode::kInternal,
            "the attention operator did not apply the plan: layer " + std::to_string(layer) +
                " head " + std::to_string(head) + of + " at length " +
                std::to_string(batch.length(b)) + " used other keys than " +
                ToText(At(layer, head)) + " for query " + std::to_string(query)};
  }

  const AttestRequest& request_;
  const Plan& plan_;
  const LayerAttention& attention_;
  const LayerPath& path_;
  MaskCache& cache_;
  Probe probe_;
  std::map<int, int64_t> histogram_[2];  // length -> examples of train, of dev
  std::map<std::tuple<int, int, int>, Known> learned_;
  std::deque<Own> own_;
  std::vector<std::vector<int>> own_index_;  // layers x heads, -1: masks depend on the length
  std::vector<std::vector<int>> groups_;     // of layers
};

}  // namespace

Result<Attestation> Attest(const AttestRequest& request, const LayerAttention& attention,
                           const LayerPath& path, MaskCache& cache) {
  at::NoGradGuard no_grad;
  return Attester(request, attention, path, cache).Run();
}

}  // namespace sparsweep
