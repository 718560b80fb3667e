// What is executed, and what comes back: a trial, its result, and why an attempt can fail.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/sweep_spec.h"

namespace sparsweep {

// Raised when results would change for an equal identity (part of every identity).
inline constexpr int kNumericsVersion = 2;

// Everything a trainer needs. Equal `identity` means equal trial.
struct TrialSpec {
  std::string identity;  // lower-case hex SHA-256 (core/identity.h)
  std::string kind = "finetune";
  std::string model;              // name or absolute folder, resolved by the worker's own data folder
  std::string model_fingerprint;  // hex SHA-256
  TaskSpec task;                  // resolved: files, columns, labels, split
  std::string data_fingerprint;   // hex SHA-256
  std::string attention;          // canonical plan text
  int layers = 0;
  int heads = 0;
  TrainingOptions training;       // axes applied
  uint64_t seed = 0;
  std::optional<uint64_t> mask_seed;  // set if and only if the plan draws
  std::string device = "auto";        // a wish, not part of the identity
  int64_t threads = 0;                // a wish as well; 0: the worker's
  std::string keep = "none";          // none | best | last
  std::optional<ProfileGrid> profile;
  std::optional<InferGrid> infer;
  // Of a model that a trial made: file name -> digest of its blob; empty for all others.
  std::map<std::string, std::string> model_files;
  std::string precision() const { return training.precision; }
};

// Kinds that measure may have none: made-up token ids will do.
inline bool HasTask(const TrialSpec& spec) { return !spec.task.files.empty(); }

// JSON form used in the database, on the wire to workers and on the trainer's pipe.
std::string TrialSpecToJson(const TrialSpec& spec);
Result<TrialSpec> ParseTrialSpec(const std::string& json_text);

enum class FailureReason {
  kOutOfMemory, kDiverged, kData, kAttestation, kTimeout, kCrashed, kLost, kRefused, kInterrupted,
};
// "out_of_memory", "diverged", "data", ... as DESIGN.md spells them.
const char* FailureReasonName(FailureReason reason);
std::optional<FailureReason> ParseFailureReason(const std::string& name);

// One (layer, head) of a trial's attestation, over all examples of train and dev.
struct MaskRow {
  int layer = 0;
  int head = 0;
  int64_t kept = 0;       // kept entries, summed over examples
  double density = 0;     // kept / sum of N^2
  int64_t empty_rows = 0; // summed over examples
  double tile_sparsity = 0;  // share of 64 x 64 tiles without a kept entry, over examples
  std::string path;       // dense | masked
  std::string hash;       // hex; over (length, mask hash) in ascending length, see docs/attestation.md
  bool operator==(const MaskRow&) const = default;
};

// What one learned pattern had learned after an epoch (core/learned_degrees.h).
struct DegreeRow {
  int epoch = 0;  // finished
  int layer = 0;
  std::vector<int> heads;  // that share the parameter
  // Of learned_window: P over the degrees 0..max in parts per million; empty where the result was
  // thinned out (docs/learned-degrees.md). Of adaptive_span: z.
  std::vector<uint32_t> distribution;
  std::optional<double> span;
  double expected_density = 0;  // of the soft window, over all examples of train and dev
  double hardened_density = 0;  // of the hardened masks, the mean over these heads
  double soft_value = 0;        // the primary metric on dev with the soft windows of the epoch
  double hardened_value = 0;    // and with all of them hardened
  bool operator==(const DegreeRow&) const = default;
};

struct MetricPoint {
  std::string name;  // "train/loss", "dev/accuracy", ...
  int64_t step = 0;
  double epoch = 0;
  double value = 0;
  bool operator==(const MetricPoint&) const = default;
};

// One point of the grid of kind `profile` or `infer`.
struct MeasurementRow {
  int64_t length = 0;
  int64_t batch = 0;
  std::string path;  // of the attention: dense, masked, ...
  bool out_of_memory = false;
  std::map<std::string, double> values;  // model_bytes, forward_ms, latency_ms_p50, ...
  bool operator==(const MeasurementRow&) const = default;
};

// Weights that a trial left, as a model of its own.
struct KeptCheckpoint {
  std::string fingerprint;                   // of the files, as of a registered model
  std::map<std::string, std::string> files;  // name -> digest of its blob
  bool operator==(const KeptCheckpoint&) const = default;
};

struct TrialResult {
  std::string metric;  // the primary one's name, e.g. "accuracy"
  double value = 0;
  std::map<std::string, double> metrics;  // accuracy, f1, matthews, loss
  double density = 1;        // over the real tokens, all layers and heads, all examples
  double density_padded = 1; // over the padded length
  double tile_sparsity = 0;
  double flops = 0;          // multiply-adds x 2 of the attention products executed in one epoch
  double load_seconds = 0, tokenize_seconds = 0, plan_seconds = 0, train_seconds = 0,
         eval_seconds = 0, attest_seconds = 0;
  int64_t peak_bytes = 0;    // resident set high-water mark of the trainer during the trial
  int64_t steps = 0;
  int64_t train_examples = 0, eval_examples = 0;
  std::string device;        // "cpu: <model name>" or "cuda: <name>"
  int threads = 1;
  std::map<std::string, std::string> versions;  // sparsweep, libtorch, tokenizers
  std::string attestation_root;                 // hex SHA-256
  std::vector<MaskRow> masks;                   // layers x heads rows
  std::map<int, int64_t> lengths;               // real length -> examples (train and dev)
  std::vector<std::string> warnings;            // sentences about this plan at the real lengths
  // Share of the sentences that the parser could parse; absent where no mask needs parses.
  std::optional<double> parsed_share;
  std::vector<DegreeRow> degrees;  // by epoch, layer and first head; empty where none is learned
  // The same metric on the test split; absent where the task has none.
  std::optional<double> test_value;
  std::map<std::string, double> test_metrics;
  int64_t test_examples = 0;
  std::string reported = "last";  // which epoch the values are of, and its number (0: not known)
  int64_t reported_epoch = 0;
  double plan_wait_seconds = 0;  // how long training waited for masks
  double first_step_ms = 0;      // from the start of the trial to its first step
  std::vector<MeasurementRow> measurements;
  std::optional<KeptCheckpoint> checkpoint;
  std::string predictions;  // digest of the blob that holds them; empty: none were kept
};

std::string TrialResultToJson(const TrialResult& result);
Result<TrialResult> ParseTrialResult(const std::string& json_text);

}  // namespace sparsweep
