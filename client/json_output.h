// Messages as JSON on stdout, with the field names of the proto files.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace sparsweep {

std::string MessageJson(const google::protobuf::Message& message, bool indent);
void PrintJson(const google::protobuf::Message& message);

}  // namespace sparsweep
