// Which of LibTorch's exceptions mean that memory ran out. Any thread.
#pragma once

#include <exception>

namespace sparsweep {

bool IsOutOfMemory(const std::exception& error);

}  // namespace sparsweep
