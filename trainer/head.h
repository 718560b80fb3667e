// What makes a task's logits of an encoder's hidden states, laid out and named as transformers does
// for BertFor... and RobertaFor...: SequenceClassification and QuestionAnswering. Computed in
// float32 whatever the precision of the encoder. Not here: losses. One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

#include "trainer/batches.h"
#include "trainer/checkpoint.h"
#include "trainer/layers.h"

namespace sparsweep {

enum class HeadKind {
  kSequence,  // [B, outputs]: classes, or one number
  kSpan,      // [B, N, outputs]: of each token, that it is the first and the last of the answer
};

struct HeadOptions {
  HeadKind kind = HeadKind::kSequence;
  int outputs = 2;
  bool mean_pooling = false;  // kSequence: else the first token through a tanh layer
  bool trained = false;       // takes the checkpoint's own head, where there is one of that shape
  uint64_t seed = 0;          // of what the checkpoint lacks
};

struct Projection {
  at::Tensor w, b;
};

// The streams of a pass that a head drops from.
struct HeadDropout {
  DropoutStream features, pooled;
};

class Head {
 public:
  // Takes a tensor into the model as a parameter of this name.
  using Own = std::function<at::Tensor(const std::string& name, const at::Tensor& source)>;

  Head() = default;
  Head(const Checkpoint& checkpoint, const HeadOptions& options, const Own& own);

  // `states` [B, N, hidden].
  at::Tensor Logits(const at::Tensor& states, const Batch& batch, const HeadDropout& dropout,
                    Implementation implementation) const;

 private:
  HeadOptions options_;
  bool roberta_ = false;
  Projection dense_;  // undefined with mean pooling and for spans
  Projection output_;
};

}  // namespace sparsweep
