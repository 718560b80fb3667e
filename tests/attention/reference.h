// Masked attention in double precision, straight from the formula: the judge of every path.
// P = softmax(Q K^T / sqrt(d) + log M); rows without a key are 0.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace sparsweep {

struct AttentionReference {
  at::Tensor out, d_qkv;  // double
};

// qkv [B, N, 3*heads*d]; keep(b, h, i, j) over the real tokens of example b; d_out the gradient of
// the result. No dropout.
inline AttentionReference ReferenceAttention(const at::Tensor& qkv, int heads,
                                             const std::vector<int>& lengths,
                                             const at::Tensor& d_out,
                                             const std::function<bool(int, int, int, int)>& keep) {
  const int64_t batch = qkv.size(0), padded = qkv.size(1), hidden = qkv.size(2) / 3;
  const int64_t d = hidden / heads;
  at::Tensor x = qkv.detach().to(at::kDouble).contiguous();
  at::Tensor g = d_out.to(at::kDouble).contiguous();
  AttentionReference r{at::zeros({batch, padded, hidden}, at::kDouble), at::zeros_like(x)};
  auto in = x.accessor<double, 3>();
  auto out = r.out.accessor<double, 3>();
  auto grad = g.accessor<double, 3>();
  auto back = r.d_qkv.accessor<double, 3>();
  for (int b = 0; b < batch; ++b) {
    for (int h = 0; h < heads; ++h) {
      const int n = lengths[b];
      auto at = [&](int part, int token, int64_t c) {
        return in[b][token][part * hidden + h * d + c];
      };
      auto add = [&](int part, int token, int64_t c, double v) {
        back[b][token][part * hidden + h * d + c] += v;
      };
      for (int i = 0; i < n; ++i) {
        std::vector<double> p(n, 0.0), d_p(n, 0.0);
        double total = 0, dot = 0;
        for (int j = 0; j < n; ++j) {
          if (!keep(b, h, i, j)) continue;
          double score = 0;
          for (int64_t c = 0; c < d; ++c) score += at(0, i, c) * at(1, j, c);
          total += p[j] = std::exp(score / std::sqrt(double(d)));
        }
        if (total == 0) continue;
        for (int j = 0; j < n; ++j) {
          p[j] /= total;
          for (int64_t c = 0; c < d; ++c) {
            out[b][i][h * d + c] += p[j] * at(2, j, c);
            d_p[j] += grad[b][i][h * d + c] * at(2, j, c);
            add(2, j, c, p[j] * grad[b][i][h * d + c]);
          }
          dot += p[j] * d_p[j];
        }
        for (int j = 0; j < n; ++j) {
          double d_score = p[j] * (d_p[j] - dot) / std::sqrt(double(d));
          for (int64_t c = 0; c < d; ++c) {
            add(0, i, c, d_score * at(1, j, c));
            add(1, j, c, d_score * at(0, i, c));
          }
        }
      }
    }
  }
  return r;
}

}  // namespace sparsweep
