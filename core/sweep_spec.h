// A submitted sweep as typed values: the sweep file (docs/sweep-file.md) after validation.
//
// Names of models and tasks are still names here; core/catalog.h resolves them to files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"

namespace sparsweep {

// One value of an axis, as written: numbers keep what they were.
using AxisValue = std::variant<double, std::string, bool>;

// The text that stands for a value in the attention template and in file or page output: a whole
// number as an integer, any other in its shortest plain decimal form, a string as it is.
std::string AxisValueText(const AxisValue& value);

struct Axis {
  std::string name;
  std::vector<AxisValue> values;  // never empty, no two alike

  bool operator==(const Axis&) const = default;
};

// Names of the axes, in their order.
std::vector<std::string> AxisNames(const std::vector<Axis>& axes);

// `training` of the sweep file. Every scalar may also be an axis. Defaults are the docs' table.
struct TrainingOptions {
  double epochs = 3;          // whole; ignored where max_steps > 0
  int64_t max_steps = 0;      // 0: by epochs
  int64_t batch_size = 32;    // examples
  int64_t max_length = 128;   // tokens, special ones included
  double learning_rate = 3e-5;
  double warmup = 0.1;        // ratio of all steps
  std::string schedule = "linear";  // linear | constant
  double weight_decay = 0.01;
  double clip = 1.0;          // global gradient norm; 0: none
  double dropout = 0.1;       // hidden and attention probabilities
  std::string pooling = "cls";        // cls | mean
  std::string precision = "float32";  // float32 | bfloat16
  int64_t train_examples = 0;  // 0: all; else the first n of the training split
  double lambda = 0;           // price of density; without effect where no pattern is learned
  double degree_lr = 0.1;      // learning rate of degree parameters, under the same schedule
  int64_t accumulate = 1;      // batches of one optimizer step
  std::string checkpointing = "off";  // off | on: activations of layers are computed again
  std::string freeze = "none";        // what keeps its pre-trained weights: see core/freeze.h
  double layer_decay = 1;      // factor of the learning rate for each layer below the top one
  int64_t early_stop = 0;      // epochs without a better dev metric before it stops; 0: never
  std::string report = "last";      // last | best: which epoch's values are the result
  std::string init = "pretrained";  // pretrained | random: of a config alone
  int64_t doc_stride = 128;    // qa: tokens that two windows of one context share
  int64_t eval_every = 0;      // pretrain: steps between validations; 0: after each epoch
  int64_t checkpoint_every = 0;  // pretrain: steps between checkpoints to resume from; 0: none

  bool operator==(const TrainingOptions&) const = default;
};

// The parser of a task that names none; also what `"parses": "link-grammar"` means.
inline constexpr const char* kDefaultParser = "link-grammar-5.12.0-en-5.11.0";

struct TaskSpec {
  std::string name;  // registered name, or empty where the sweep file spells the task out
  std::string type = "classification";  // classification | regression | qa | mlm
  std::map<std::string, std::vector<std::string>> files;  // split (train, dev, test) -> paths
  std::string format;                                     // tsv | csv | jsonl | squad | mrqa | text
  std::map<std::string, std::string> columns;             // text, text_pair, label, id -> column
  std::vector<std::string> labels;                        // index = class id
  double split_dev = 0;     // > 0: split by hash, this share of the texts is dev
  bool split_half = false;  // qa: the dev files are split evenly into dev and test
  std::string metric;       // the primary one; empty: the usual one (PrimaryMetric)
  // qa: how much likelier than the best answer "no answer" must be to be given. Where it is not
  // set, the value that does best on dev is taken.
  std::optional<double> null_threshold = 0;
  // Where `syntax` finds its parses: "conllu" (FILE.conllu beside each file), a parser with its
  // version, or empty: kDefaultParser.
  std::string parses;
  std::string glove;     // of lexical(by=glove): a name in DATA/glove, or the path of a file
  std::string base_dir;  // where relative paths start; empty: DATA/tasks (core/catalog.h, TaskFile)

  bool operator==(const TaskSpec&) const = default;
};

// The metrics that a task of this type can be judged by, the usual one first.
const std::vector<std::string>& MetricsOf(const std::string& type);
const std::string& PrimaryMetric(const TaskSpec& task);
// Perplexity and loss are better the lower they are.
bool LowerIsBetter(const std::string& metric);

// Of several cells that differ only in these axes the one that is best on dev is reported.
struct SelectRule {
  std::vector<std::string> over;
  std::string by = "dev";

  bool operator==(const SelectRule&) const = default;
};

// What kind `profile` measures: training steps at each length, with as many examples as make up
// the tokens.
struct ProfileGrid {
  std::vector<int64_t> lengths;
  int64_t tokens = 4096;

  bool operator==(const ProfileGrid&) const = default;
};

// What kind `infer` measures: forward passes at each length and batch size.
struct InferGrid {
  std::vector<int64_t> lengths;
  std::vector<int64_t> batch_sizes = {1, 8};
  int64_t repetitions = 30;
  int64_t warmup = 5;

  bool operator==(const InferGrid&) const = default;
};

// What a worker must offer before it is given a trial of the sweep.
struct SweepNeeds {
  int64_t memory_bytes = 0;  // of one trial; 0: does not count
  std::string device;        // "cpu", "cuda"; empty: any
  std::map<std::string, std::string> labels;  // all of them, with these values

  bool operator==(const SweepNeeds&) const = default;
};

struct SweepSpec {
  std::string name;
  std::string kind = "finetune";  // finetune | pretrain | profile | infer
  // Registered name, absolute folder, or weights that were kept: "trial:ID", "best:SWEEP".
  std::string model;
  std::variant<std::string, TaskSpec> task;  // registered name (or path of a task file), or inline
  std::string attention = "dense";
  std::vector<Axis> axes;  // sorted by the bytes of their names (index order)
  std::vector<std::string> where;
  TrainingOptions training;
  std::vector<uint64_t> seeds = {1, 2, 3};      // default 3: seeds 1..3
  std::vector<uint64_t> mask_seeds = {0};
  std::string baseline = "dense";  // "dense" | "none"
  std::string device = "auto";     // auto | cpu | cuda
  int64_t priority = 0;  // -1000 .. 1000, higher first
  double weight = 1;     // share of the slots among sweeps of equal priority
  int64_t max_running = 0;      // trials at once; 0: no limit
  SweepNeeds needs;
  double time_limit = 0;        // seconds of one attempt; 0: none
  double idle_limit = 0;        // seconds without progress; 0: none
  double max_failed_share = 1;  // of the ended trials: beyond it the sweep stops itself; 1: never
  bool fresh = false;           // run trials anew that have a result already
  std::string keep = "none";    // none | best | last: weights of which epoch are kept
  int64_t threads = 0;          // of a trainer on the CPU; 0: as many as the worker gives a slot
  std::optional<SelectRule> select;     // training.select
  std::optional<ProfileGrid> profile;  // set if and only if the kind is profile
  std::optional<InferGrid> infer;      // set if and only if the kind is infer

  bool operator==(const SweepSpec&) const = default;
};

// Parses JSON with comments. Duplicate keys, unknown fields (nearest name given), wrong types,
// unused axes, and a name that is both a parameter and in the template are refused; syntax errors
// carry line and column.
Result<SweepSpec> ParseSweepSpec(const std::string& json_text);

// The spec with defaults filled in, one line, keys sorted: equal specs give equal text.
// ParseSweepSpec(SweepSpecToJson(s)) == s.
std::string SweepSpecToJson(const SweepSpec& spec);

// The same pair for tasks (registered task files and TrialSpec).
Result<TaskSpec> ParseTaskSpec(const std::string& json_text);
std::string TaskSpecToJson(const TaskSpec& task);

}  // namespace sparsweep
