// What makes a task's logits of an encoder's hidden states, laid out and named as transformers does
// for BertFor... and RobertaFor...: SequenceClassification, QuestionAnswering, MaskedLM. Computed
// in float32 whatever the precision of the encoder. Not here: losses. One thread.
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
  kMaskedLm,  // [places asked for, rows of the word table]: the token that stood there
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
  // `words`: the model's word table, to which the output of kMaskedLm is tied. Its rows must be the
  // checkpoint's, all of them.
  Head(const Checkpoint& checkpoint, const HeadOptions& options, const at::Tensor& words,
       const Own& own);

  // `states` [B, N, hidden].
  at::Tensor Logits(const at::Tensor& states, const Batch& batch, const HeadDropout& dropout,
                    Implementation implementation) const;

 private:
  HeadOptions options_;
  bool roberta_ = false;
  Projection dense_;  // undefined with mean pooling and for spans
  Norm norm_;         // of kMaskedLm
  Projection output_;
};

}  // namespace sparsweep
