// The only conversion between the wire contract and core's values.
//
// Free shapes (axes, task, results) travel as google.protobuf.Struct and are JSON text in core: the
// two are converted here without a third form. Not here: Sync and events, which belong to the
// scheduler (server/), and gRPC's status (server/rpc). Pure functions: any thread.
#pragma once

#include <string>

#include "core/mask.h"
#include "core/result.h"
#include "core/sweep_spec.h"
#include "core/trial.h"
#include "sparsweep/v1/sweep.pb.h"
#include "sparsweep/v1/trial.pb.h"

namespace sparsweep {

// The sweep file that the message spells: fields that are not set are left out.
std::string SweepSpecJson(const v1::SweepSpec& message);
// Through SweepSpecJson and core's ParseSweepSpec, so that a message and a file are judged alike.
Result<SweepSpec> SweepSpecFromProto(const v1::SweepSpec& message);
// The inverse, of a sweep file's text (comments allowed) or of a validated spec. Only the shape is
// checked: a field that the message has not, or of another type, is an error.
Result<v1::SweepSpec> SweepSpecToProto(const std::string& json_text);
v1::SweepSpec SweepSpecToProto(const SweepSpec& spec);

// JSON text of an object. Text that is not an object gives an empty Struct: it is for what this
// program stored itself.
google::protobuf::Struct StructFromJson(const std::string& json_text);
std::string StructToJson(const google::protobuf::Struct& message);

v1::MetricPoint ToProto(const MetricPoint& point);
MetricPoint FromProto(const v1::MetricPoint& message);
v1::MaskRow ToProto(const MaskRow& row);
v1::DegreeRow ToProto(const DegreeRow& row);
v1::MaskPicture ToProto(const Mask& mask);

}  // namespace sparsweep
