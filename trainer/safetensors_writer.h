// Writes tensors as a safetensors file: float32, names sorted, metadata {"format": "pt"}, without
// which transformers refuses it. Equal tensors give equal bytes. Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "core/result.h"

namespace sparsweep {

// Replaces `path` at once: it never holds half a file.
Status WriteSafetensors(const std::filesystem::path& path,
                        const std::map<std::string, at::Tensor>& tensors);

}  // namespace sparsweep
