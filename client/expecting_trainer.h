// A `sparsweep-trainer expect` that `verify --with-trainer` asks what trials must have attested: it
// has the tokenizer and the texts. Started with the first question, ended with this. Blocking; one
// thread.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>

#include "core/result.h"
#include "core/trial.h"

namespace sparsweep {

class ExpectingTrainer {
 public:
  ExpectingTrainer(std::string program, std::string data_folder)
      : program_(std::move(program)), data_folder_(std::move(data_folder)) {}
  ~ExpectingTrainer();
  ExpectingTrainer(const ExpectingTrainer&) = delete;
  ExpectingTrainer& operator=(const ExpectingTrainer&) = delete;

  // `stored` with the masks that its texts give (trainer/expect.h). An error says why there are
  // none.
  Result<TrialResult> Expect(const TrialSpec& spec, const TrialResult& stored);

 private:
  Status Start();
  void End();

  const std::string program_, data_folder_;
  pid_t pid_ = 0;
  FILE* pipe_ = nullptr;  // a socket: questions out, answers in
};

}  // namespace sparsweep
