// Fields that a document must have: of what programs write to each other, where an absent field
// means a cut or foreign document. For .cc files.
#pragma once

#include <string>
#include <utility>

#include "core/json.h"

namespace sparsweep {

// Getters for fields that must be there.
class Required {
 public:
  Required(const nlohmann::json& value, std::string path, Violations* out)
      : object_(value.is_object() ? &value : nullptr), path_(std::move(path)), out_(out) {
    if (object_ == nullptr) out_->Add(path_, DescribeJson(value) + " must be an object {...}");
  }

  const nlohmann::json* Find(const char* name) {
    if (object_ != nullptr) {
      if (const auto it = object_->find(name); it != object_->end()) return &*it;
    }
    out_->Add(Path(name), "the field is missing");
    return nullptr;
  }
  // What is as it should be needs no path: results of trials are read while their worker waits.
  void Read(const char* name, std::string* result) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return;
    if (value->is_string()) {
      *result = value->get_ref<const std::string&>();
    } else {
      ReadString(*value, Path(name), out_, result);
    }
  }
  void Read(const char* name, double* result) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return;
    if (value->is_number()) {
      *result = value->get<double>();
    } else {
      ReadNumber(*value, Path(name), out_, result);
    }
  }
  void Read(const char* name, int64_t* result) { Whole(name, kMaxWhole, result); }
  void Read(const char* name, bool* result) {
    const nlohmann::json* value = Find(name);
    if (value != nullptr && !value->is_boolean()) {
      out_->Add(Path(name), DescribeJson(*value) + " must be true or false");
    } else if (value != nullptr) {
      *result = value->get<bool>();
    }
  }
  void Read(const char* name, int* result) {
    int64_t wide = 0;
    if (Whole(name, 1 << 30, &wide)) *result = static_cast<int>(wide);
  }
  // Calls `read(key, value, path)` for each entry of an object.
  template <typename Read>
  void Entries(const char* name, Read read) {
    const nlohmann::json* object = Find(name);
    if (object == nullptr) return;
    if (!object->is_object()) {
      out_->Add(Path(name), DescribeJson(*object) + " must be an object {...}");
      return;
    }
    for (auto it = object->begin(); it != object->end(); ++it) {
      read(it.key(), *it, Path(name) + "." + it.key());
    }
  }
  // Calls `read(value, path)` for each entry of a list.
  template <typename Read>
  void Each(const char* name, Read read) {
    const nlohmann::json* list = Find(name);
    if (list == nullptr) return;
    if (!list->is_array()) out_->Add(Path(name), DescribeJson(*list) + " must be a list");
    for (size_t i = 0; list->is_array() && i < list->size(); ++i) {
      read((*list)[i], Path(name) + "[" + std::to_string(i) + "]");
    }
  }
  std::string Path(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

 private:
  bool Whole(const char* name, int64_t high, int64_t* result) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return false;
    if (value->is_number_unsigned() && value->get<uint64_t>() <= static_cast<uint64_t>(high)) {
      *result = value->get<int64_t>();
      return true;
    }
    return ReadWhole(*value, Path(name), out_, 0, high, result);
  }

  const nlohmann::json* object_;  // null if the value was not an object
  std::string path_;
  Violations* out_;
};

}  // namespace sparsweep
