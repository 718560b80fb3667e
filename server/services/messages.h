// Rows as messages, names and page tokens of the API. Pure functions: any thread.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>

#include "core/result.h"
#include "server/services/utf8.h"
#include "server/store/reads.h"
#include "sparsweep/v1/sweep.pb.h"
#include "sparsweep/v1/trial.pb.h"

namespace sparsweep {

// "sweeps/12" -> 12. `field` is where it stood, for the error.
Result<SweepId> ParseSweepName(const std::string& name, const std::string& field);
Result<TrialId> ParseTrialName(const std::string& name, const std::string& field);
std::string SweepName(SweepId id);
std::string TrialName(TrialId id);

// Tokens are where the next page starts; empty is `first`.
Result<int64_t> ParsePageToken(const std::string& token, int64_t first);
Result<int64_t> PageSize(int64_t asked, int64_t usual, int64_t most);

Status CheckRequestId(const std::string& id);
Status NoSweep(SweepId id);
Status NoTrial(TrialId id);
Status ReadOnly();
// "axes.w" -> "spec.axes.w" in every field of the status.
Status WithPrefix(const std::string& prefix, const Status& status);

google::protobuf::Timestamp Time(int64_t unix_ms);
int64_t UnixMs();

v1::Sweep ToMessage(const SweepRow& row, const Coverage& coverage, const PaceRow& pace,
                    int64_t paused);
v1::Trial ToMessage(const TrialRow& row);
v1::Attempt ToMessage(const AttemptRow& row);
v1::Replicate ToMessage(const ReplicateRow& row);
v1::WatchEventsResponse ToMessage(const EventRow& row);
v1::TrialState ToMessage(TrialState state);

// Names of the axes: in order of first use in the template, then by name.
std::vector<std::string> DisplayOrder(const SweepSpec& spec);

}  // namespace sparsweep
