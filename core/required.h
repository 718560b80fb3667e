// Fields that a document must have: of what programs write to each other, where an absent field
// means a cut or foreign document. For .cc files.
#pragma once

#include <string>

#include "core/json.h"

namespace sparsweep {

// Getters for fields that must be there.
class Required {
 public:
  Required(const nlohmann::json& value, const std::string& path, Violations* out)
      : reader_(value, path, out), out_(out) {}

  const nlohmann::json* Find(const std::string& name) {
    const nlohmann::json* value = reader_.Find(name);
    if (value == nullptr) out_->Add(reader_.Path(name), "the field is missing");
    return value;
  }
  void Read(const std::string& name, std::string* result) {
    if (Find(name) != nullptr) reader_.String(name, result);
  }
  void Read(const std::string& name, double* result) {
    if (Find(name) != nullptr) reader_.Number(name, result);
  }
  void Read(const std::string& name, int64_t* result) {
    if (Find(name) != nullptr) reader_.Whole(name, 0, kMaxWhole, result);
  }
  void Read(const std::string& name, bool* result) {
    const nlohmann::json* value = Find(name);
    if (value != nullptr && !value->is_boolean()) {
      out_->Add(Path(name), DescribeJson(*value) + " must be true or false");
    } else if (value != nullptr) {
      *result = value->get<bool>();
    }
  }
  void Read(const std::string& name, int* result) {
    int64_t wide = 0;
    if (Find(name) != nullptr && reader_.Whole(name, 0, 1 << 30, &wide)) {
      *result = static_cast<int>(wide);
    }
  }
  // Calls `read(key, value, path)` for each entry of an object.
  template <typename Read>
  void Entries(const std::string& name, Read read) {
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
  void Each(const std::string& name, Read read) {
    const nlohmann::json* list = Find(name);
    if (list == nullptr) return;
    if (!list->is_array()) out_->Add(Path(name), DescribeJson(*list) + " must be a list");
    for (size_t i = 0; list->is_array() && i < list->size(); ++i) {
      read((*list)[i], Path(name) + "[" + std::to_string(i) + "]");
    }
  }
  std::string Path(const std::string& name) const { return reader_.Path(name); }

 private:
  ObjectReader reader_;
  Violations* out_;
};

}  // namespace sparsweep
