#include "trainer/training_state.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sparsweep {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "sparsweep training state 1";

Status Unusable(const std::filesystem::path& path, const std::string& why) {
  return InvalidArgument(path.string() + ": " + why + "; delete it to start this trial anew");
}

Status Failed(const std::filesystem::path& path, const char* what) {
  return Status(StatusCode::kUnavailable,
                path.string() + ": cannot be " + what + ": " + std::strerror(errno));
}

Status Flush(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY);
  const bool flushed = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  return flushed ? Status() : Failed(path, "flushed");
}

}  // namespace

// A line of JSON, then the bytes of the tensors one after the other.
Status WriteTrainingState(const TrainingState& state, const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  json tensors = json::array();
  for (const at::Tensor& tensor : state.tensors) {
    tensors.push_back(
        {{"shape", tensor.sizes().vec()}, {"type", static_cast<int>(tensor.scalar_type())}});
  }
  std::filesystem::path beside = path;
  beside += ".new";
  {
    std::ofstream out(beside, std::ios::binary);
    out << json({{"format", kFormat},
                 {"configuration", state.configuration},
                 {"machine", state.machine},
                 {"step", state.step},
                 {"numbers", state.numbers},
                 {"tensors", tensors}})
               .dump()
        << "\n";
    for (const at::Tensor& tensor : state.tensors) {
      const at::Tensor bytes = tensor.detach().to(at::kCPU).contiguous();
      out.write(static_cast<const char*>(bytes.const_data_ptr()),
                static_cast<std::streamsize>(bytes.nbytes()));
    }
    if (!out.flush()) return Failed(beside, "written");
  }
  if (Status flushed = Flush(beside); !flushed.ok()) return flushed;
  std::filesystem::rename(beside, path, error);
  if (error) return Failed(path, "replaced");
  return {};
}

Result<TrainingState> ReadTrainingState(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, path.string() + ": cannot be opened");
  std::string line;
  std::getline(in, line);
  const json header = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object() || header.value("format", "") != kFormat) {
    return Unusable(path, "is no training state of this version");
  }
  TrainingState state;
  try {
    state.configuration = header.at("configuration");
    state.machine = header.at("machine");
    state.step = header.at("step");
    state.numbers = header.at("numbers");
    for (const json& entry : header.at("tensors")) {
      at::Tensor tensor = at::empty(entry.at("shape").get<std::vector<int64_t>>(),
                                    static_cast<at::ScalarType>(entry.at("type").get<int>()));
      in.read(static_cast<char*>(tensor.mutable_data_ptr()),
              static_cast<std::streamsize>(tensor.nbytes()));
      state.tensors.push_back(std::move(tensor));
    }
  } catch (const json::exception&) {
    return Unusable(path, "is damaged");
  }
  if (!in || in.peek() != std::char_traits<char>::eof()) return Unusable(path, "is damaged");
  return state;
}

}  // namespace sparsweep
