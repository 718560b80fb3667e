// `sparsweep mask`: masks without a server, a model or training.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "core/mask_request.h"

namespace sparsweep {
namespace {

int AnswerBatch(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    // One answer per line at once, so that a program may ask and wait.
    std::cout << AnswerMaskLine(line) << std::endl;
  }
  return kExitOk;
}

}  // namespace

int ShowMask(const Options& options) {
  if (!options.batch.empty()) {
    if (options.batch == "-") return AnswerBatch(std::cin);
    std::ifstream in(options.batch);
    if (!in) return Refuse(InvalidArgument("cannot read " + options.batch + "; check --batch"));
    return AnswerBatch(in);
  }
  if (options.attention.empty() || options.layers <= 0 || options.heads <= 0 ||
      options.length <= 0) {
    return Refuse(InvalidArgument(
        "mask needs --attention, --layers, --heads and --length (or --batch FILE)"));
  }
  MaskRequest request;
  request.attention = options.attention;
  request.layers = options.layers;
  request.heads = options.heads;
  request.length = options.length;
  request.max_length = options.max_length;
  request.mask_seed = options.mask_seed;
  request.rows = options.rows;
  const Result<std::string> answer = TryMaskRequest(request);
  if (!answer.ok()) return Refuse(answer.status());
  std::printf("%s\n", answer->c_str());
  return kExitOk;
}

}  // namespace sparsweep
