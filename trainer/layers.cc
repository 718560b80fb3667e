#include "trainer/layers.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels.h"

namespace sparsweep {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool UseKernels(const at::Tensor& weights, Implementation implementation) {
  return implementation == Implementation::kAuto && weights.is_cpu() &&
         weights.scalar_type() == at::kFloat;
}

// body(T()) with the C++ type of a tensor that a matrix product gave.
template <typename Body>
void WithType(const at::Tensor& tensor, const Body& body) {
  if (tensor.scalar_type() == at::kFloat) return body(float());
  body(c10::BFloat16());
}

// x [m, k] times the transpose of w [n, k], plus b. LibTorch's own linear goes to MKL, which on
// processors of other makers stops at AVX2; oneDNN's operator is twice as fast there.
at::Tensor Product(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& b) {
  using Signature = at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
      c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto schema =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  if (!schema) return at::linear(x, w, b);
  static const auto linear = schema->typed<Signature>();
  return linear.call(x, w, b, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

// The gradients of y = x w^T.
at::Tensor GradX(const at::Tensor& d_y, const at::Tensor& w) { return Product(d_y, w.t(), {}); }
at::Tensor GradW(const at::Tensor& d_y, const at::Tensor& x) { return Product(d_y.t(), x.t(), {}); }

at::Tensor ColumnSums(const at::Tensor& x) {
  at::Tensor sums = at::empty({x.size(1)}, x.options().dtype(at::kFloat));
  WithType(x, [&](auto type) {
    kernels::ColumnSums(x.size(0), x.size(1), x.const_data_ptr<decltype(type)>(),
                        sums.mutable_data_ptr<float>());
  });
  return sums;
}

// What a product of x with float32 weights keeps for its gradients, both in the precision of the
// product.
struct Rounded {
  at::Tensor x, w;
  Rounded(const at::Tensor& x, const at::Tensor& w, at::ScalarType precision)
      : x(x.to(precision)), w(w.to(precision)) {}
};
at::Tensor Biased(const Rounded& at, const at::Tensor& b) {
  return Product(at.x, at.w, b.to(at.x.scalar_type()));
}

// The gradients of a product's x and w (its first two tensors), of those that anybody takes: a
// frozen layer passes on the one and has no use for the other.
variable_list ProductGrads(AutogradContext* context, const at::Tensor& d_y, const at::Tensor& x,
                           const at::Tensor& w) {
  variable_list grads(2);
  const auto type = context->saved_data["type"].toScalarType();
  if (context->needs_input_grad(0)) grads[0] = GradX(d_y, w).to(type);
  if (context->needs_input_grad(1)) grads[1] = GradW(d_y, x).to(at::kFloat);
  return grads;
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const at::Tensor& b, at::ScalarType precision) {
    const Rounded rounded(x, w, precision);
    context->save_for_backward({rounded.x, rounded.w});
    context->saved_data["type"] = x.scalar_type();
    return Biased(rounded, b);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    at::Tensor d_y = grads[0].contiguous();
    variable_list products = ProductGrads(context, d_y, saved[0], saved[1]);
    const at::Tensor d_b = context->needs_input_grad(2) ? ColumnSums(d_y) : at::Tensor();
    return {products[0], products[1], d_b, at::Tensor()};
  }
};

struct LinearGeluFunction : torch::autograd::Function<LinearGeluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const at::Tensor& b, bool training, at::ScalarType precision) {
    const Rounded rounded(x, w, precision);
    at::Tensor inner = Biased(rounded, b);  // becomes GELU's derivative
    at::Tensor out = at::empty_like(inner);
    WithType(inner, [&](auto type) {
      using T = decltype(type);
      kernels::GeluForward(inner.numel(), inner.mutable_data_ptr<T>(), out.mutable_data_ptr<T>(),
                           training);
    });
    context->save_for_backward({rounded.x, rounded.w, inner});
    context->saved_data["type"] = x.scalar_type();
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_y = at::empty_like(d_out);
    at::Tensor d_b = at::empty({d_y.size(1)}, d_y.options().dtype(at::kFloat));
    WithType(d_y, [&](auto type) {
      using T = decltype(type);
      kernels::GeluBackward(d_y.size(0), d_y.size(1), d_out.const_data_ptr<T>(),
                            saved[2].const_data_ptr<T>(), d_y.mutable_data_ptr<T>(),
                            d_b.mutable_data_ptr<float>());
    });
    variable_list products = ProductGrads(context, d_y, saved[0], saved[1]);
    return {products[0], products[1], d_b, at::Tensor(), at::Tensor()};
  }
};

// keep flags of a tensor, or an undefined tensor where nothing is dropped.
at::Tensor Keep(const DropoutStream& dropout, int64_t count) {
  if (!dropout.active()) return {};
  at::Tensor keep = at::empty({count}, at::kByte);
  FillKeep(dropout, 0, count, keep.mutable_data_ptr<uint8_t>());
  return keep;
}
const uint8_t* Bytes(const at::Tensor& keep) {
  return keep.defined() ? keep.const_data_ptr<uint8_t>() : nullptr;
}

struct LinearAddNormFunction : torch::autograd::Function<LinearAddNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const at::Tensor& b, const at::Tensor& residual,
                            const at::Tensor& gamma, const at::Tensor& beta, double epsilon,
                            const DropoutStream* dropout, at::ScalarType precision) {
    const Rounded rounded(x, w, precision);
    const at::Tensor y = Biased(rounded, b);
    at::Tensor normalized = y.scalar_type() == at::kFloat ? y : at::empty_like(residual);
    at::Tensor keep = Keep(*dropout, y.numel());
    at::Tensor out = at::empty_like(normalized);
    at::Tensor inverse = at::empty({y.size(0)}, normalized.options());
    WithType(y, [&](auto type) {
      kernels::AddNormForward(y.size(0), y.size(1), y.const_data_ptr<decltype(type)>(),
                              normalized.mutable_data_ptr<float>(),
                              residual.const_data_ptr<float>(), Bytes(keep), dropout->scale(),
                              gamma.const_data_ptr<float>(), beta.const_data_ptr<float>(),
                              static_cast<float>(epsilon), out.mutable_data_ptr<float>(),
                              inverse.mutable_data_ptr<float>());
    });
    context->save_for_backward({rounded.x, rounded.w, gamma, normalized, inverse, keep});
    context->saved_data["scale"] = static_cast<double>(dropout->scale());
    context->saved_data["type"] = x.scalar_type();
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const at::Tensor &gamma = saved[2], &normalized = saved[3];
    at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_residual = at::empty_like(normalized);
    at::Tensor d_y = at::empty(normalized.sizes(), saved[0].options());
    at::Tensor d_gamma = at::empty_like(gamma), d_beta = at::empty_like(gamma),
               d_b = at::empty_like(gamma);
    WithType(d_y, [&](auto type) {
      kernels::AddNormBackward(
          d_y.size(0), d_y.size(1), d_out.const_data_ptr<float>(),
          normalized.const_data_ptr<float>(), saved[4].const_data_ptr<float>(), Bytes(saved[5]),
          static_cast<float>(context->saved_data["scale"].toDouble()),
          gamma.const_data_ptr<float>(), d_residual.mutable_data_ptr<float>(),
          d_y.mutable_data_ptr<decltype(type)>(), d_gamma.mutable_data_ptr<float>(),
          d_beta.mutable_data_ptr<float>(), d_b.mutable_data_ptr<float>());
    });
    variable_list products = ProductGrads(context, d_y, saved[0], saved[1]);
    return {products[0],
            products[1],
            d_b,
            d_residual,
            d_gamma,
            d_beta,
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

struct EmbedFunction : torch::autograd::Function<EmbedFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& ids,
                            const at::Tensor& types, const at::Tensor& word,
                            const at::Tensor& position, const at::Tensor& type,
                            const at::Tensor& gamma, const at::Tensor& beta, double epsilon,
                            const DropoutStream* dropout) {
    const int64_t rows = ids.numel(), width = word.size(1);
    at::Tensor x = at::empty({rows, width}, word.options());
    kernels::GatherSum(rows, ids.size(1), width, ids.const_data_ptr<int64_t>(),
                       types.const_data_ptr<int64_t>(), word.const_data_ptr<float>(),
                       position.const_data_ptr<float>(), type.const_data_ptr<float>(),
                       x.mutable_data_ptr<float>());
    at::Tensor out = at::empty_like(x), inverse = at::empty({rows}, x.options());
    kernels::AddNormForward(rows, width, x.const_data_ptr<float>(), x.mutable_data_ptr<float>(),
                            nullptr, nullptr, 1, gamma.const_data_ptr<float>(),
                            beta.const_data_ptr<float>(), static_cast<float>(epsilon),
                            out.mutable_data_ptr<float>(), inverse.mutable_data_ptr<float>());
    at::Tensor keep = Keep(*dropout, x.numel());
    if (keep.defined()) {
      kernels::Drop(x.numel(), Bytes(keep), dropout->scale(), out.mutable_data_ptr<float>());
    }
    context->save_for_backward({ids, types, gamma, x, inverse, keep});
    context->saved_data["scale"] = static_cast<double>(dropout->scale());
    context->saved_data["rows"] =
        std::vector<int64_t>{word.size(0), position.size(0), type.size(0)};
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    auto saved = context->get_saved_variables();
    const at::Tensor &ids = saved[0], &gamma = saved[2], &x = saved[3];
    const int64_t rows = x.size(0), width = x.size(1);
    at::Tensor d_out = grads[0];
    if (saved[5].defined()) {
      d_out = d_out.clone(at::MemoryFormat::Contiguous);
      kernels::Drop(x.numel(), Bytes(saved[5]),
                    static_cast<float>(context->saved_data["scale"].toDouble()),
                    d_out.mutable_data_ptr<float>());
    }
    d_out = d_out.contiguous();
    at::Tensor d_x = at::empty_like(x), d_gamma = at::empty_like(gamma),
               d_beta = at::empty_like(gamma);
    float* const no_projection = nullptr;
    kernels::AddNormBackward(rows, width, d_out.const_data_ptr<float>(), x.const_data_ptr<float>(),
                             saved[4].const_data_ptr<float>(), nullptr, 1,
                             gamma.const_data_ptr<float>(), d_x.mutable_data_ptr<float>(),
                             no_projection, d_gamma.mutable_data_ptr<float>(),
                             d_beta.mutable_data_ptr<float>(), nullptr);
    auto table_rows = context->saved_data["rows"].toIntVector();
    at::Tensor d_word = at::zeros({table_rows[0], width}, x.options());
    at::Tensor d_position = at::zeros({table_rows[1], width}, x.options());
    at::Tensor d_type = at::zeros({table_rows[2], width}, x.options());
    kernels::ScatterSum(rows, ids.size(1), width, ids.const_data_ptr<int64_t>(),
                        saved[1].const_data_ptr<int64_t>(), d_x.const_data_ptr<float>(),
                        d_word.mutable_data_ptr<float>(), d_position.mutable_data_ptr<float>(),
                        d_type.mutable_data_ptr<float>());
    return {at::Tensor(), at::Tensor(), d_word,       d_position,  d_type,
            d_gamma,      d_beta,       at::Tensor(), at::Tensor()};
  }
};

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const DropoutStream* dropout) {
    at::Tensor keep = Keep(*dropout, x.numel());
    at::Tensor out = x.clone(at::MemoryFormat::Contiguous);
    kernels::Drop(x.numel(), Bytes(keep), dropout->scale(), out.mutable_data_ptr<float>());
    context->save_for_backward({keep});
    context->saved_data["scale"] = static_cast<double>(dropout->scale());
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    at::Tensor d_x = grads[0].clone(at::MemoryFormat::Contiguous);
    kernels::Drop(d_x.numel(), Bytes(context->get_saved_variables()[0]),
                  static_cast<float>(context->saved_data["scale"].toDouble()),
                  d_x.mutable_data_ptr<float>());
    return {d_x, at::Tensor()};
  }
};

at::Tensor PortableNorm(const at::Tensor& x, const Norm& norm) {
  return at::layer_norm(x, {x.size(-1)}, norm.gamma, norm.beta, norm.epsilon);
}

at::Tensor PortableLinear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                          at::ScalarType precision) {
  return at::linear(x.to(precision), w.to(precision), b.to(precision));
}

}  // namespace

at::Tensor Linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                  const Compute& how) {
  if (!UseKernels(w, how.implementation)) return PortableLinear(x, w, b, how.precision);
  return LinearFunction::apply(x, w, b, how.precision);
}

at::Tensor LinearGelu(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                      const Compute& how) {
  if (!UseKernels(w, how.implementation)) return at::gelu(PortableLinear(x, w, b, how.precision));
  return LinearGeluFunction::apply(x, w, b, c10::GradMode::is_enabled(), how.precision);
}

at::Tensor LinearAddNorm(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                         const at::Tensor& residual, const Norm& norm, const DropoutStream& dropout,
                         const Compute& how) {
  if (!UseKernels(w, how.implementation)) {
    at::Tensor y = PortableLinear(x, w, b, how.precision).to(residual.scalar_type());
    return PortableNorm(residual + PortableDropout(y, dropout), norm);
  }
  return LinearAddNormFunction::apply(x, w, b, residual, norm.gamma, norm.beta, norm.epsilon,
                                      &dropout, how.precision);
}

at::Tensor Embed(const at::Tensor& ids, const at::Tensor& types, const EmbeddingTables& tables,
                 const Norm& norm, const DropoutStream& dropout, Implementation implementation) {
  if (!UseKernels(tables.word, implementation)) {
    at::Tensor sum = at::embedding(tables.word, ids) + at::embedding(tables.type, types) +
                     tables.position.narrow(0, 0, ids.size(1));
    return PortableDropout(PortableNorm(sum, norm), dropout).view({ids.numel(), -1});
  }
  return EmbedFunction::apply(ids, types, tables.word, tables.position, tables.type, norm.gamma,
                              norm.beta, norm.epsilon, &dropout);
}

at::Tensor Dropout(const at::Tensor& x, const DropoutStream& stream,
                   Implementation implementation) {
  if (!stream.active()) return x;
  if (!UseKernels(x, implementation)) return PortableDropout(x, stream);
  return DropoutFunction::apply(x, &stream);
}

}  // namespace sparsweep
