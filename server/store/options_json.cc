#include "server/store/options_json.h"

#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

using nlohmann::json;

json Parsed(const std::string& text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : json::object();
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string NeedsToJson(const Needs& needs) {
  json out = json::object();
  if (needs.memory_bytes > 0) out["memory_bytes"] = needs.memory_bytes;
  if (!needs.device.empty()) out["device"] = needs.device;
  if (!needs.labels.empty()) out["labels"] = needs.labels;
  if (needs.exclusive) out["exclusive"] = true;
  return Dump(out);
}

Needs ParseNeeds(const std::string& text) {
  const json value = Parsed(text);
  Needs needs;
  needs.memory_bytes = value.value("memory_bytes", int64_t{0});
  needs.device = value.value("device", "");
  needs.labels = value.value("labels", std::map<std::string, std::string>());
  needs.exclusive = value.value("exclusive", false);
  return needs;
}

std::string OfferToJson(const WorkerOffer& offer) {
  json out = json::object();
  if (offer.memory_bytes > 0) out["memory_bytes"] = offer.memory_bytes;
  if (!offer.devices.empty()) out["devices"] = offer.devices;
  if (!offer.labels.empty()) out["labels"] = offer.labels;
  return Dump(out);
}

WorkerOffer ParseOffer(const std::string& text) {
  const json value = Parsed(text);
  WorkerOffer offer;
  offer.memory_bytes = value.value("memory_bytes", int64_t{0});
  offer.devices = value.value("devices", std::vector<std::string>());
  offer.labels = value.value("labels", std::map<std::string, std::string>());
  return offer;
}

}  // namespace sparsweep
