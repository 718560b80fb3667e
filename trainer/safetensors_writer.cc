#include "trainer/safetensors_writer.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sparsweep {

Status WriteSafetensors(const std::filesystem::path& path,
                        const std::map<std::string, at::Tensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  uint64_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const uint64_t begin = end;
    end += static_cast<uint64_t>(tensor.numel()) * sizeof(float);
    header[name] = {
        {"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data begins at a multiple of 8
  const uint64_t length = text.size();          // little-endian, as every machine that runs this

  std::filesystem::path part = path;
  part += ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(&length), sizeof(length));
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    out.write(static_cast<const char*>(values.const_data_ptr()),
              static_cast<std::streamsize>(values.numel() * sizeof(float)));
  }
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, path, error);
  if (out && !error) return {};
  const std::string why = error ? error.message() : std::strerror(errno);
  std::filesystem::remove(part, error);
  return {StatusCode::kFailedPrecondition,
          path.string() + ": cannot be written: " + why + "; make room or choose another folder"};
}

}  // namespace sparsweep
