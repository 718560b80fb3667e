// `sparsweep mask`: masks without a server or training.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "client/commands.h"
#include "client/exit_codes.h"
#include "client/mask_formats.h"
#include "client/terminal.h"
#include "client/text_masks.h"
#include "core/json.h"
#include "core/mask_request.h"
#include "worker/worker.h"

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

// A flag that the form of output has no use for is refused, not ignored.
Status CheckFlags(const Options& options, const std::string& format) {
  const bool json = format == "json", batch = !options.batch.empty();
  if (batch && (!json || !options.output.empty())) {
    return InvalidArgument("--batch answers with lines of JSON on the standard output; leave " +
                           std::string(json ? "--output" : "--format") + " out");
  }
  const auto only = [&](bool given, const char* flag, const char* where) -> Status {
    if (!given) return {};
    return InvalidArgument(std::string(flag) + " goes with --format " + where + ", not with " +
                           (batch ? "--batch" : format));
  };
  for (const Status& status :
       {only(options.rows && (!json || batch), "--rows", "json"),
        only((options.layer >= 0 || options.head >= 0) && json, "--layer or --head",
             "text, png or npy"),
        only(options.scale > 0 && format != "png", "--scale", "png")}) {
    if (!status.ok()) return status;
  }
  return {};
}

// A long text is cut, as in training: said beside the answer, whatever its format.
void SayIfCut(const std::string& answer) {
  const auto parsed = ParseJson(answer, "answer");
  if (!parsed.ok() || !parsed->is_object()) return;
  const auto number = [&](const char* name) {
    const auto found = parsed->find(name);
    return found != parsed->end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  const int64_t whole = number("uncut_tokens"), length = number("length");
  if (whole <= length) return;
  std::cerr << "the text has " << whole << " tokens and is cut to " << length
            << ", the max_length, as in training\n";
}

// Of a text, the trainer program knows tokens and words.
Result<std::string> AnswerOfText(const Options& options, bool rows) {
  if (options.layers > 0 || options.heads > 0 || options.length > 0) {
    return InvalidArgument(
        "--layers, --heads and --length come from --model and --text; leave them out");
  }
  if (!options.example.empty() || options.phase != "training") {
    return InvalidArgument("--example and --phase go with --length, not with --text");
  }
  if (options.text.empty() && !options.text_pair.empty()) {
    return InvalidArgument("--text-pair is the second segment of --text; give that too");
  }
  if (options.model.empty() || (options.text.empty() && options.conllu.empty()) ||
      options.attention.empty()) {
    return InvalidArgument(
        "the masks of a text need --model, --attention and --text (or --conllu, whose sentence is "
        "the text)");
  }
  if (options.sentence > 0 && options.conllu.empty()) {
    return InvalidArgument(
        "--sentence is a place in --conllu FILE; name the file, or leave it out");
  }
  TextMaskRequest request;
  request.of.model = options.model;
  request.of.text = options.text;
  request.of.text_pair = options.text_pair;
  request.of.attention = options.attention;
  request.of.max_length = options.max_length;
  request.of.mask_seed = options.mask_seed;
  request.rows = rows;
  request.of.glove = options.glove;
  if (!options.conllu.empty()) {
    request.conllu = std::filesystem::absolute(options.conllu).string();
    request.sentence = std::max<int64_t>(1, options.sentence);
  }
  Result<std::string> answer = AskForTextMasks(
      options.trainer.empty() ? DefaultTrainer() : options.trainer, options.data, request);
  if (answer.ok()) SayIfCut(*answer);
  return answer;
}

Result<std::string> Answer(const Options& options, bool rows) {
  if (!options.model.empty() || !options.text.empty() || !options.text_pair.empty() ||
      !options.glove.empty() || !options.conllu.empty() || options.sentence > 0) {
    return AnswerOfText(options, rows);
  }
  if (options.attention.empty() || options.layers <= 0 || options.heads <= 0 ||
      options.length <= 0) {
    return InvalidArgument(
        "mask needs --attention, --layers, --heads and --length (or --model and --text, or --batch "
        "FILE)");
  }
  MaskRequest request;
  request.attention = options.attention;
  request.layers = options.layers;
  request.heads = options.heads;
  request.length = options.length;
  request.max_length = options.max_length;
  request.mask_seed = options.mask_seed;
  request.rows = rows;
  request.example = options.example;
  request.evaluation = options.phase == "evaluation";
  return TryMaskRequest(request);
}

// Writes the masks in a format other than JSON. `width`: of the terminal they go to, if any.
Status Write(const MaskSheet& sheet, const Options& options, const std::string& format, int width,
             std::ostream& out) {
  if (format == "npy") {
    WriteMaskNpy(sheet, out);
    return {};
  }
  const Result<std::string> bytes =
      format == "png" ? MaskPng(sheet, options.scale) : MaskText(sheet, width);
  if (!bytes.ok()) return bytes.status();
  out << *bytes;
  return {};
}

Status Show(const Options& options, const std::string& format, std::ostream& out) {
  const bool json = format == "json";
  const Result<std::string> answer = Answer(options, options.rows || !json);
  if (!answer.ok()) return answer.status();
  if (json) {
    out << *answer << '\n';
    return {};
  }
  Result<MaskSheet> sheet = ParseMaskSheet(*answer);
  if (sheet.ok()) sheet = SelectMasks(*sheet, options.layer, options.head);
  if (!sheet.ok()) return sheet.status();
  return Write(*sheet, options, format, options.output.empty() ? TheTerminal().width : 0, out);
}

}  // namespace

int ShowMask(const Options& options) {
  const bool to_terminal = TheTerminal().out_is_terminal && options.output.empty();
  std::string format = options.format;
  if (format.empty()) format = to_terminal && options.batch.empty() ? "text" : "json";
  if (const Status status = CheckFlags(options, format); !status.ok()) return Refuse(status);
  if (!options.batch.empty()) {
    if (options.batch == "-") return AnswerBatch(std::cin);
    std::ifstream in(options.batch);
    if (!in) return Refuse(InvalidArgument("cannot read " + options.batch + "; check --batch"));
    return AnswerBatch(in);
  }
  if (to_terminal && (format == "png" || format == "npy")) {
    return Refuse(InvalidArgument("a terminal cannot show " + format +
                                  "; name a file with --output, or pipe it on"));
  }
  std::ofstream file;
  if (!options.output.empty()) {
    file.open(options.output, std::ios::binary | std::ios::trunc);
    if (!file) {
      return Refuse(InvalidArgument("cannot write " + options.output + ": " +
                                    std::strerror(errno) + "; check --output"));
    }
  }
  std::ostream& out = options.output.empty() ? std::cout : file;
  Status status = Show(options, format, out);
  if (status.ok() && !out.flush()) {
    status = {StatusCode::kUnavailable, "the masks could not be written completely: " +
                                            std::string(std::strerror(errno))};
  }
  return status.ok() ? kExitOk : Refuse(status);
}

}  // namespace sparsweep
