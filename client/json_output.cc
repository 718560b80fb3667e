#include "client/json_output.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>

namespace sparsweep {

std::string MessageJson(const google::protobuf::Message& message, bool indent) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indent;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

void PrintJson(const google::protobuf::Message& message) {
  std::printf("%s\n", MessageJson(message, true).c_str());
}

}  // namespace sparsweep
