#include "proto/convert.h"

#include <google/protobuf/util/json_util.h>

#include <cmath>

#include "core/json.h"
#include "core/sha256.h"

namespace sparsweep {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;
using Json = nlohmann::json;

Json ToJson(const Value& value);

Json ToJson(const Struct& message) {
  Json object = Json::object();
  for (const auto& [name, value] : message.fields()) object[name] = ToJson(value);
  return object;
}

Json ToJson(const Value& value) {
  switch (value.kind_case()) {
    case Value::kBoolValue:
      return value.bool_value();
    case Value::kNumberValue: {
      // Whole numbers are whole again: seeds and counts are read as such.
      const double number = value.number_value();
      if (std::trunc(number) == number && std::abs(number) <= kMaxWhole) {
        return static_cast<int64_t>(number);
      }
      return number;
    }
    case Value::kStringValue:
      return value.string_value();
    case Value::kStructValue:
      return ToJson(value.struct_value());
    case Value::kListValue: {
      Json list = Json::array();
      for (const Value& item : value.list_value().values()) list.push_back(ToJson(item));
      return list;
    }
    default:
      return nullptr;
  }
}

void FromJson(const Json& json, Value* value);

void FromJson(const Json& json, Struct* message) {
  for (const auto& [name, item] : json.items()) {
    FromJson(item, &(*message->mutable_fields())[name]);
  }
}

void FromJson(const Json& json, Value* value) {
  switch (json.type()) {
    case Json::value_t::boolean:
      value->set_bool_value(json.get<bool>());
      return;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      value->set_number_value(json.get<double>());
      return;
    case Json::value_t::string:
      value->set_string_value(json.get<std::string>());
      return;
    case Json::value_t::array: {
      ListValue* list = value->mutable_list_value();
      for (const Json& item : json) FromJson(item, list->add_values());
      return;
    }
    case Json::value_t::object:
      FromJson(json, value->mutable_struct_value());
      return;
    default:
      value->set_null_value(google::protobuf::NULL_VALUE);
  }
}

}  // namespace

std::string SweepSpecJson(const v1::SweepSpec& message) {
  Json json = Json::object();
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  text("name", message.name());
  text("kind", message.kind());
  text("model", message.model());
  if (message.has_task()) json["task"] = ToJson(message.task());
  text("attention", message.attention());
  if (message.has_axes()) json["axes"] = ToJson(message.axes());
  for (const std::string& condition : message.where()) json["where"].push_back(condition);
  if (message.has_training()) json["training"] = ToJson(message.training());
  if (message.has_seeds()) json["seeds"] = ToJson(message.seeds());
  if (message.has_mask_seeds()) json["mask_seeds"] = ToJson(message.mask_seeds());
  text("baseline", message.baseline());
  text("device", message.device());
  if (message.priority() != 0) json["priority"] = message.priority();
  if (message.has_weight()) json["weight"] = message.weight();
  if (message.max_running() != 0) json["max_running"] = message.max_running();
  if (message.has_needs()) json["needs"] = ToJson(message.needs());
  if (message.time_limit() != 0) json["time_limit"] = message.time_limit();
  if (message.idle_limit() != 0) json["idle_limit"] = message.idle_limit();
  if (message.has_max_failed_share()) json["max_failed_share"] = message.max_failed_share();
  if (message.fresh()) json["fresh"] = true;
  text("keep", message.keep());
  if (message.threads() != 0) json["threads"] = message.threads();
  if (message.has_profile()) json["profile"] = ToJson(message.profile());
  if (message.has_infer()) json["infer"] = ToJson(message.infer());
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<SweepSpec> SweepSpecFromProto(const v1::SweepSpec& message) {
  return ParseSweepSpec(SweepSpecJson(message));
}

Result<v1::SweepSpec> SweepSpecToProto(const std::string& json_text) {
  Result<Json> json = ParseJson(json_text, "sweep file");
  if (!json.ok()) return json.status();
  v1::SweepSpec message;
  const auto status = google::protobuf::util::JsonStringToMessage(json->dump(), &message);
  if (!status.ok()) {
    return InvalidArgument("sweep file: " + std::string(status.message()));
  }
  return message;
}

v1::SweepSpec SweepSpecToProto(const SweepSpec& spec) {
  Result<v1::SweepSpec> message = SweepSpecToProto(SweepSpecToJson(spec));
  SPARSWEEP_CHECK(message.ok());  // what core prints has the message's shape (tests/proto)
  return *std::move(message);
}

Struct StructFromJson(const std::string& json_text) {
  Struct message;
  const Json json = Json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) FromJson(json, &message);
  return message;
}

std::string StructToJson(const Struct& message) {
  return ToJson(message).dump(-1, ' ', false, Json::error_handler_t::replace);
}

v1::MetricPoint ToProto(const MetricPoint& point) {
  v1::MetricPoint message;
  message.set_name(point.name);
  message.set_step(point.step);
  message.set_epoch(point.epoch);
  message.set_value(point.value);
  return message;
}

MetricPoint FromProto(const v1::MetricPoint& message) {
  return {message.name(), message.step(), message.epoch(), message.value()};
}

v1::MaskRow ToProto(const MaskRow& row) {
  v1::MaskRow message;
  message.set_layer(row.layer);
  message.set_head(row.head);
  message.set_kept(row.kept);
  message.set_density(row.density);
  message.set_empty_rows(row.empty_rows);
  message.set_tile_sparsity(row.tile_sparsity);
  message.set_path(row.path);
  message.set_hash(row.hash);
  return message;
}

v1::DegreeRow ToProto(const DegreeRow& row) {
  v1::DegreeRow message;
  message.set_epoch(row.epoch);
  message.set_layer(row.layer);
  message.mutable_heads()->Assign(row.heads.begin(), row.heads.end());
  message.mutable_distribution_ppm()->Assign(row.distribution.begin(), row.distribution.end());
  if (row.span) message.set_span(*row.span);
  message.set_expected_density(row.expected_density);
  message.set_hardened_density(row.hardened_density);
  message.set_soft_value(row.soft_value);
  message.set_hardened_value(row.hardened_value);
  return message;
}

v1::MaskPicture ToProto(const Mask& mask) {
  v1::MaskPicture picture;
  picture.set_kept(mask.kept());
  picture.set_density(mask.density());
  picture.set_empty_rows(mask.empty_rows());
  picture.set_hash(Hex(mask.Sha256()));
  for (int row = 0; row < mask.length(); ++row) picture.add_rows(mask.RowHex(row));
  return picture;
}

}  // namespace sparsweep
