#include "server/store/result_digest.h"

#include "core/sha256.h"

namespace sparsweep {
namespace {

// Each row is its columns as JSON text, an array, and a line feed: lengths and types are in it.
void Add(Sha256Hasher* hasher, Statement& read) {
  while (read.Step()) {
    hasher->Update(read.Text(0));
    hasher->Update("\n");
  }
}

}  // namespace

std::string ResultDigest(Database& db, SweepId sweep) {
  Sha256Hasher hasher;
  for (const char* sql : {
           "SELECT json_array('spec', spec) FROM sweep_spec WHERE sweep_id = ?1",
           "SELECT json_array('cell', cell, is_baseline, alias_of, baseline_cell, axes, attention,"
           " canonical) FROM cell WHERE sweep_id = ?1 ORDER BY cell",
           "SELECT json_array('trial', ct.cell, t.identity) FROM cell_trial ct "
           "JOIN trial t ON t.id = ct.trial_id WHERE ct.sweep_id = ?1 ORDER BY ct.cell, t.identity",
           // As its ledger counts them: that another sweep wants what it dropped is not its matter.
           "SELECT json_array('result', t.identity, iif(i.wish IS NOT NULL AND "
           "t.state IN ('queued', 'running'), 'cancelled', t.state), t.reason, d.detail, "
           "r.attestation_root) FROM trial t LEFT JOIN result r ON r.trial_id = t.id "
           "LEFT JOIN result_detail d ON d.trial_id = t.id "
           "LEFT JOIN interest i ON i.sweep_id = ?1 AND i.trial_id = t.id AND i.wish = 'dropped' "
           "WHERE t.id IN "
           "(SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) ORDER BY t.identity",
           "SELECT json_array('metric', t.identity, m.name, m.step, m.epoch, m.value) "
           "FROM trial t JOIN result r ON r.trial_id = t.id "
           "JOIN metric m ON m.trial_id = t.id AND m.attempt = r.attempt WHERE t.id IN "
           "(SELECT trial_id FROM cell_trial WHERE sweep_id = ?1) "
           "ORDER BY t.identity, m.name, m.step",
       }) {
    Statement read = db.Prepare(sql);
    read.Bind(sweep);
    Add(&hasher, read);
  }
  return Hex(hasher.Finish());
}

}  // namespace sparsweep
