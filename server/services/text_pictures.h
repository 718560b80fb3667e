// Tokens and masks of a text that a person typed: asked of a program that has the tokenizer and the
// model, which the server has not.
//
// One question at a time, on a thread of its own, so that neither readers nor the loop wait for it.
// Ask and Stop from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/result.h"
#include "server/text_masker.h"
#include "sparsweep/v1/trial.pb.h"

namespace sparsweep {

struct TextMaskAnswer {
  std::vector<std::string> tokens;  // those that the model gets
  int64_t uncut = 0;                // of the whole text
  int heads = 0;
  std::vector<v1::MaskPicture> masks;  // layers x heads
};
// `json` comes from another program: every shape of it is possible.
Result<TextMaskAnswer> ParseTextMaskAnswer(const std::string& json);

class TextPictures {
 public:
  static constexpr size_t kMostWaiting = 8;

  explicit TextPictures(TextMasker masker);
  ~TextPictures() { Stop(); }

  // `reply` is called on this object's thread, or at once where the question is not taken.
  void Ask(TextMaskQuestion question, std::function<void(Result<TextMaskAnswer>)> reply);
  // Ends the question under way and refuses those that wait. Idempotent.
  void Stop();

 private:
  struct Waiting {
    TextMaskQuestion question;
    std::function<void(Result<TextMaskAnswer>)> reply;
  };
  void Work(const std::stop_token& stop);

  const TextMasker masker_;
  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Waiting> waiting_;  // by mutex_
  bool stopped_ = false;         // by mutex_
  std::jthread thread_;
};

}  // namespace sparsweep
