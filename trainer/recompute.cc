#include "trainer/recompute.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace sparsweep {
namespace {

using Body = std::function<at::Tensor(const at::Tensor&)>;

struct Held : torch::CustomClassHolder {
  explicit Held(const Body& body) : f(body) {}
  Body f;
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const Body* f) {
    context->saved_data["f"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(*f));
    context->save_for_backward({x});
    at::NoGradGuard no_graph;
    return (*f)(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    auto held = context->saved_data["f"].toCapsule();
    at::Tensor x = context->get_saved_variables()[0].detach().requires_grad_(true);
    at::AutoGradMode graph(true);
    at::Tensor y = static_cast<const Held&>(*held).f(x);
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), at::Tensor()};
  }
};

}  // namespace

at::Tensor Recomputed(const Body& f, const at::Tensor& x) {
  if (!at::GradMode::is_enabled()) return f(x);
  // The graph of frozen embeddings ends below; what f holds may still learn.
  return RecomputeFunction::apply(x.requires_grad() ? x : x.detach().requires_grad_(true), &f);
}

}  // namespace sparsweep
