#include "trainer/batches.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "core/philox.h"

namespace sparsweep {
namespace {

// Fisher-Yates with the stream (seed, order, epoch, which); draw t decides place t.
template <typename T>
void Shuffle(uint64_t seed, uint32_t epoch, uint32_t which, std::vector<T>* values) {
  const uint64_t n = values->size();
  for (uint64_t t = 0; t + 1 < n; ++t) {
    auto words = Philox4x32({static_cast<uint32_t>(t), which,
                             static_cast<uint32_t>(StreamPurpose::kOrder) << 24, epoch},
                            {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    uint64_t u = uint64_t{words[1]} << 32 | words[0];
    uint64_t offset = static_cast<uint64_t>((static_cast<unsigned __int128>(u) * (n - t)) >> 64);
    std::swap((*values)[t], (*values)[t + offset]);
  }
}

constexpr int64_t kChunk = 50;  // batches sorted together

}  // namespace

BatchOrder TrainOrder(const std::vector<int>& lengths, int64_t batch_size, uint64_t seed,
                      uint32_t epoch) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  Shuffle(seed, epoch, 0, &order);
  BatchOrder batches;
  const int64_t n = static_cast<int64_t>(order.size());
  for (int64_t start = 0; start < n; start += batch_size * kChunk) {
    auto first = order.begin() + start,
         last = order.begin() + std::min(n, start + batch_size * kChunk);
    std::stable_sort(first, last, [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
    for (auto at = first; at < last; at += std::min<int64_t>(batch_size, last - at)) {
      batches.emplace_back(at, at + std::min<int64_t>(batch_size, last - at));
    }
  }
  Shuffle(seed, epoch, 1, &batches);
  return batches;
}

BatchOrder EvalOrder(const std::vector<int>& lengths, int64_t batch_size) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int64_t i) { return lengths[i]; });
  BatchOrder batches;
  for (size_t at = 0; at < order.size(); at += batch_size) {
    batches.emplace_back(order.begin() + at,
                         order.begin() + std::min(order.size(), at + batch_size));
  }
  return batches;
}

Batch MakeBatch(const TokenizedSplit& split, const std::vector<int64_t>& examples,
                at::Device device, int64_t first) {
  Batch batch;
  for (int64_t i : examples) {
    batch.lengths.push_back(split.length(i));
    batch.examples.push_back(first + i);
  }
  batch.padded = *std::ranges::max_element(batch.lengths);
  const int64_t count = static_cast<int64_t>(examples.size());
  batch.ids = at::zeros({count, batch.padded}, at::kLong);
  batch.types = at::zeros({count, batch.padded}, at::kLong);
  int64_t* ids = batch.ids.mutable_data_ptr<int64_t>();
  int64_t* types = batch.types.mutable_data_ptr<int64_t>();
  for (int64_t b = 0; b < count; ++b) {
    int64_t from = split.begin[examples[b]];
    std::copy_n(split.ids.begin() + from, batch.lengths[b], ids + b * batch.padded);
    std::copy_n(split.types.begin() + from, batch.lengths[b], types + b * batch.padded);
  }
  const auto gather = [&](const auto& from, auto value_of) {
    using Value = decltype(value_of(from[0]));
    at::Tensor values = at::empty({count}, c10::CppTypeToScalarType<Value>::value);
    for (int64_t b = 0; b < count; ++b) {
      values.template mutable_data_ptr<Value>()[b] = value_of(from[examples[b]]);
    }
    return values;
  };
  if (!split.labels.empty()) {
    batch.labels = gather(split.labels, [](int32_t label) { return int64_t{label}; });
  }
  if (!split.targets.empty()) batch.targets = gather(split.targets, [](float t) { return t; });
  if (!split.spans.empty()) {
    batch.starts = gather(split.spans, [](const auto& span) { return int64_t{span.first}; });
    batch.ends = gather(split.spans, [](const auto& span) { return int64_t{span.second}; });
  }
  if (!device.is_cpu()) {
    for (at::Tensor* tensor :
         {&batch.ids, &batch.types, &batch.labels, &batch.targets, &batch.starts, &batch.ends}) {
      if (tensor->defined()) *tensor = tensor->to(device);
    }
  }
  return batch;
}

}  // namespace sparsweep
