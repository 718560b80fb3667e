// Each trial of a sweep by itself: is it the one its identity names, is what the tables say of it
// consistent, and do its attested masks follow from its plan?
#include <cmath>

#include "core/expected_masks.h"
#include "core/identity.h"
#include "server/verify/checks.h"

namespace sparsweep {
namespace {

std::string Text(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

// Counts are whole and hashes are bytes: they are equal or wrong. Ratios are sums of whole numbers
// divided once, so that only the order of two roundings may differ.
bool Between(double a, double least, double most) {
  const double rounding = 1e-12 * std::max(1.0, std::abs(most));
  return a >= least - rounding && a <= most + rounding;
}

std::string Text(double least, double most) {
  return least == most ? Text(most) : Text(least) + " to " + Text(most);
}
std::string Text(int64_t least, int64_t most) {
  return least == most ? std::to_string(most)
                       : std::to_string(least) + " to " + std::to_string(most);
}

struct StoredResult {
  int64_t attempt = 0;
  std::string metric;
  double value = 0, density = 0;
  std::string root, detail, attempt_state;
};

struct Row {
  TrialId trial = 0;
  std::string identity, state, reason, spec;
  std::optional<StoredResult> result;
  int64_t live = 0, succeeded = 0;
  bool dropped = false;  // the sweep does not want it any more; another one does
};

class TrialCheck {
 public:
  TrialCheck(Examination& examination, bool ended) : x_(examination), ended_(ended) {}

  void Run() {
    Statement read = x_.db.Prepare(
        "SELECT t.id, t.identity, t.state, coalesce(t.reason, ''), coalesce(s.spec, ''), "
        "r.attempt, r.metric, r.value, r.density, r.attestation_root, coalesce(d.detail, ''), "
        "coalesce((SELECT a.state FROM attempt a WHERE a.trial_id = t.id AND "
        "a.number = r.attempt), ''), "
        "(SELECT count(*) FROM attempt a WHERE a.trial_id = t.id AND a.state = 'running'), "
        "(SELECT count(*) FROM attempt a WHERE a.trial_id = t.id AND a.state = 'succeeded'), "
        "EXISTS (SELECT 1 FROM interest i WHERE i.sweep_id = ?1 AND i.trial_id = t.id AND "
        "i.wish = 'dropped') OR EXISTS (SELECT 1 FROM sweep w WHERE w.id = ?1 AND w.closed) "
        "FROM trial t LEFT JOIN trial_spec s ON s.trial_id = t.id "
        "LEFT JOIN result r ON r.trial_id = t.id LEFT JOIN result_detail d ON d.trial_id = t.id "
        "WHERE t.id IN (SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) ORDER BY t.id");
    read.Bind(x_.verdict.sweep);
    while (read.Step()) {
      Row row{read.Int(0), read.Text(1), read.Text(2), read.Text(3),     read.Text(4),
              {},          read.Int(12), read.Int(13), read.Int(14) != 0};
      if (!read.IsNull(5)) {
        row.result = StoredResult{read.Int(5),  read.Text(6),  read.Double(7), read.Double(8),
                                  read.Text(9), read.Text(10), read.Text(11)};
      }
      Check(row);
    }
    CheckIdentities();
  }

 private:
  void Report(const Row& row, const char* kind, std::string message) {
    x_.Report(kind, {}, row.trial, std::move(message));
  }

  // The store has no index that would keep identities unique (migrations/0005_scale.sql).
  void CheckIdentities() {
    Statement read = x_.db.Prepare(
        "SELECT min(id), max(id), identity FROM trial "
        "WHERE id IN (SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) "
        "GROUP BY identity, generation HAVING count(*) > 1");
    read.Bind(x_.verdict.sweep);
    while (read.Step()) {
      x_.Report("extra_trial", {}, read.Int(1),
                "trial " + std::to_string(read.Int(0)) + " has the same identity " + read.Text(2));
    }
  }

  void Check(const Row& row) {
    ++x_.verdict.trials;
    ++x_.verdict.states[row.state];
    CheckState(row);
    const Result<TrialSpec> spec = ParseTrialSpec(row.spec);
    if (!spec.ok()) {
      Report(row, "wrong_spec", "the trial's spec cannot be read: " + spec.status().message());
      return;
    }
    if (const std::string identity = TrialIdentity(*spec); identity != row.identity) {
      Report(row, "wrong_identity",
             "the trial's spec has the identity " + identity + ", stored is " + row.identity);
    } else if (spec->identity != row.identity) {
      Report(row, "wrong_identity", "the trial's spec names the identity " + spec->identity);
    }
    if (row.result) CheckResult(row, *spec);
  }

  // Exactly one accepted result, or a stated reason why not.
  void CheckState(const Row& row) {
    const bool succeeded = row.state == "succeeded";
    if (succeeded && !row.result) {
      Report(row, "missing_result", "the trial is succeeded and has no result");
    }
    if (!succeeded && row.result) {
      Report(row, "wrong_result", "the trial has an accepted result and is " + row.state);
    }
    if (row.state == "failed" && !ParseFailureReason(row.reason)) {
      Report(row, "missing_result", "the trial failed without a reason");
    }
    if (row.state != "failed" && !row.reason.empty()) {
      Report(row, "wrong_result", "the trial is " + row.state + " and has a reason to have failed");
    }
    if (ended_ && !row.dropped && (row.state == "queued" || row.state == "running")) {
      Report(row, "missing_result", "the sweep has ended and this trial is " + row.state);
    }
    if (row.succeeded != (row.result ? 1 : 0)) {
      Report(row, "wrong_attempt",
             std::to_string(row.succeeded) + " attempts succeeded and " +
                 (row.result ? "one result is" : "no result is") + " accepted");
    }
    if (row.live != (row.state == "running" ? 1 : 0)) {
      Report(
          row, "wrong_attempt",
          "the trial is " + row.state + " with " + std::to_string(row.live) + " running attempts");
    }
  }

  void CheckResult(const Row& row, const TrialSpec& spec) {
    const StoredResult& stored = *row.result;
    if (stored.attempt_state != "succeeded") {
      Report(row, "wrong_attempt",
             "the accepted attempt " + std::to_string(stored.attempt) + " is " +
                 (stored.attempt_state.empty() ? "not there" : stored.attempt_state));
    }
    const Result<TrialResult> result = ParseTrialResult(stored.detail);
    if (!result.ok()) {
      Report(row, "wrong_result", "the result cannot be read: " + result.status().message());
      return;
    }
    const auto differs = [&](const char* column, bool equal, const std::string& in_row,
                             const std::string& in_detail) {
      if (equal) return;
      Report(row, "wrong_result",
             std::string(column) + " is " + in_row + "; the reported result says " + in_detail);
    };
    differs("metric", stored.metric == result->metric, stored.metric, result->metric);
    differs("value", stored.value == result->value, Text(stored.value), Text(result->value));
    differs("density", stored.density == result->density, Text(stored.density),
            Text(result->density));
    differs("attestation_root", stored.root == result->attestation_root, stored.root,
            result->attestation_root);
    if (const auto metric = result->metrics.find(result->metric);
        metric != result->metrics.end() && metric->second != result->value) {
      Report(row, "wrong_result",
             "value is " + Text(result->value) + "; the reported " + result->metric + " is " +
                 Text(metric->second));
    }
    CheckMasks(row, spec, *result);
  }

  void CheckMasks(const Row& row, const TrialSpec& spec, const TrialResult& result) {
    const auto max_length = static_cast<int>(spec.training.max_length);
    const Result<Plan> plan = Plan::Resolve(spec.attention, {spec.layers, spec.heads, max_length});
    if (!plan.ok()) {
      Report(row, "wrong_mask", "the plan cannot be resolved: " + plan.status().message());
      return;
    }
    if (plan->canonical() != spec.attention) {
      Report(row, "wrong_identity",
             "the canonical plan is " + plan->canonical() + "; stored is " + spec.attention);
    }
    const auto cells = static_cast<size_t>(spec.layers) * spec.heads;
    if (result.masks.size() != cells || result.lengths.empty()) {
      Report(row, "wrong_mask",
             std::to_string(result.masks.size()) + " mask rows over " +
                 std::to_string(result.lengths.size()) + " lengths for " + std::to_string(cells) +
                 " heads");
      return;
    }
    for (const auto& [length, examples] : result.lengths) {
      if (length < 1 || length > max_length || examples < 0) {
        Report(row, "wrong_mask",
               "length " + std::to_string(length) + " is none of 1.." + std::to_string(max_length));
        return;
      }
    }
    std::vector<std::string> paths;
    for (const MaskRow& mask : result.masks) paths.push_back(mask.path);
    if (NeedsExamples(*plan)) return CheckByTrainer(row, spec, result);
    const Result<LearnedDegrees> learned = LearnedDegrees::OfResult(*plan, result.degrees);
    if (!learned.ok()) return Report(row, "wrong_mask", learned.status().message());
    ++x_.verdict.masks_recomputed;
    const auto expected = [&](const std::map<int, int64_t>& dev) {
      return masks_.Of(*plan, spec.mask_seed.value_or(0), {result.lengths, dev}, paths, &*learned);
    };
    const ExpectedAttestation most = expected({});
    // Which examples were trained on is not stored. Of masks that know the phase, hashes and root
    // are exact all the same, and counts lie between those of only training and only evaluating.
    CompareMasks(row, result, NeedsSplit(*plan) ? expected(result.lengths) : most, most);
  }

  // What only the texts tell, from somebody who has them.
  void CheckByTrainer(const Row& row, const TrialSpec& spec, const TrialResult& result) {
    if (!x_.options.recompute) {
      ++x_.verdict.masks_not_recomputed["masks of texts need --with-trainer"];
      return;
    }
    const Result<TrialResult> expected = x_.options.recompute(spec, result);
    if (!expected.ok()) {
      ++x_.verdict.masks_not_recomputed[expected.status().message()];
      return;
    }
    ++x_.verdict.masks_recomputed;
    if (expected->lengths != result.lengths) {
      return Report(row, "wrong_mask", "the lengths are not those of the task's texts");
    }
    const ExpectedAttestation masks{expected->masks, expected->attestation_root, expected->density,
                                    expected->tile_sparsity};
    CompareMasks(row, result, masks, masks);
  }

  // Counts and ratios are at least those of `least` and at most those of `most`.
  void CompareMasks(const Row& row, const TrialResult& result, const ExpectedAttestation& least,
                    const ExpectedAttestation& most) {
    for (size_t i = 0; i < most.rows.size(); ++i) {
      if (!CompareMask(row, result.masks[i], least.rows[i], most.rows[i])) return;  // one is enough
    }
    const auto whole = [&](const char* what, bool equal, const std::string& is,
                           const std::string& must) {
      if (!equal) {
        Report(row, "wrong_mask", std::string(what) + " is " + is + "; the plan gives " + must);
      }
    };
    whole("the root", result.attestation_root == most.root, result.attestation_root, most.root);
    whole("density", Between(result.density, least.density, most.density), Text(result.density),
          Text(least.density, most.density));
    whole("tile_sparsity", Between(result.tile_sparsity, most.tile_sparsity, least.tile_sparsity),
          Text(result.tile_sparsity), Text(most.tile_sparsity, least.tile_sparsity));
  }

  bool CompareMask(const Row& row, const MaskRow& is, const MaskRow& least, const MaskRow& must) {
    const auto wrong = [&](const char* what, const std::string& stored, const std::string& given) {
      Report(row, "wrong_mask",
             "layer " + std::to_string(must.layer) + " head " + std::to_string(must.head) + ": " +
                 what + " is " + stored + "; the plan gives " + given);
      return false;
    };
    if (is.layer != must.layer || is.head != must.head) {
      return wrong("the row", std::to_string(is.layer) + "/" + std::to_string(is.head), "it");
    }
    if (is.hash != must.hash) return wrong("hash", is.hash, must.hash);
    if (is.kept < least.kept || is.kept > must.kept) {
      return wrong("kept", std::to_string(is.kept), Text(least.kept, must.kept));
    }
    if (is.empty_rows < must.empty_rows || is.empty_rows > least.empty_rows) {
      return wrong("empty_rows", std::to_string(is.empty_rows),
                   Text(must.empty_rows, least.empty_rows));
    }
    if (!Between(is.density, least.density, must.density)) {
      return wrong("density", Text(is.density), Text(least.density, must.density));
    }
    if (!Between(is.tile_sparsity, must.tile_sparsity, least.tile_sparsity)) {
      return wrong("tile_sparsity", Text(is.tile_sparsity),
                   Text(must.tile_sparsity, least.tile_sparsity));
    }
    if (is.path == "dense" && must.density != 1) {
      return wrong("path", "dense", "a mask of density " + Text(must.density));
    }
    return true;
  }

  Examination& x_;
  const bool ended_;
  ExpectedMasks masks_;
};

}  // namespace

void CheckTrials(Examination& examination, bool ended) { TrialCheck(examination, ended).Run(); }

}  // namespace sparsweep
