// Masked attention in double precision, straight from the formula: the judge of every path.
// P = softmax(Q K^T / sqrt(d) + log M); rows without a key are 0.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace sparsweep {

struct AttentionReference {
  at::Tensor out, d_qkv;  // double
};

// Of entry (i, j) of an example and head.
using EntryValue = std::function<double(int b, int h, int i, int j)>;

// qkv [B, N, 3*heads*d]; weight(b, h, i, j) over the real tokens of example b is 0 where the key is
// not kept, else how often it counts; d_out the gradient of the result. `drop` is what dropout makes
// of a probability: 0 or the scale of the survivors.
inline AttentionReference ReferenceAttention(
    const at::Tensor& qkv, int heads, const std::vector<int>& lengths, const at::Tensor& d_out,
    const EntryValue& weight, const EntryValue& drop = [](int, int, int, int) { return 1.0; }) {
  const int64_t batch = qkv.size(0), padded = qkv.size(1), hidden = qkv.size(2) / 3;
  const int64_t d = hidden / heads;
  at::Tensor x = qkv.detach().to(at::kDouble).contiguous();
  at::Tensor g = d_out.to(at::kDouble).contiguous();
  AttentionReference r{at::zeros({batch, padded, hidden}, at::kDouble), at::zeros_like(x)};
  for (int b = 0; b < batch; ++b) {
    for (int h = 0; h < heads; ++h) {
      const int n = lengths[b];
      auto row = [&](const at::Tensor& of, int part, int token) {
        return of.mutable_data_ptr<double>() + (b * padded + token) * of.size(2) + part * hidden +
               h * d;
      };
      for (int i = 0; i < n; ++i) {
        std::vector<double> p(n, 0.0), d_p(n, 0.0), drops(n, 0.0);
        const double *q = row(x, 0, i), *grad = row(g, 0, i);
        double total = 0, dot = 0, top = -1e300;
        for (int j = 0; j < n; ++j) {
          const double times = weight(b, h, i, j);
          p[j] = -1e300;
          if (times == 0) continue;
          double score = 0;
          for (int64_t c = 0; c < d; ++c) score += q[c] * row(x, 1, j)[c];
          p[j] = score / std::sqrt(double(d)) + std::log(times);
          top = std::max(top, p[j]);
        }
        if (top == -1e300) continue;
        for (double& score : p) total += score = score == -1e300 ? 0 : std::exp(score - top);
        for (int j = 0; j < n; ++j) {
          if (p[j] == 0) continue;
          p[j] /= total;
          drops[j] = drop(b, h, i, j);
          for (int64_t c = 0; c < d; ++c) {
            row(r.out, 0, i)[c] += p[j] * drops[j] * row(x, 2, j)[c];
            d_p[j] += drops[j] * grad[c] * row(x, 2, j)[c];
            row(r.d_qkv, 2, j)[c] += p[j] * drops[j] * grad[c];
          }
          dot += p[j] * d_p[j];
        }
        for (int j = 0; j < n; ++j) {
          if (p[j] == 0) continue;
          const double d_score = p[j] * (d_p[j] - dot) / std::sqrt(double(d));
          for (int64_t c = 0; c < d; ++c) {
            row(r.d_qkv, 0, i)[c] += d_score * row(x, 1, j)[c];
            row(r.d_qkv, 1, j)[c] += d_score * q[c];
          }
        }
      }
    }
  }
  return r;
}

}  // namespace sparsweep
