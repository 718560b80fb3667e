// Memory of tensors on the CPU: from malloc, in sizes that fit again.
//
// LibTorch asks for aligned blocks (posix_memalign), which glibc seldom puts where one of the same size was freed (its
// bug 14581): the heap of a training grew with every step. Here malloc gives a rounded size and the block is aligned in it.
#pragma once

namespace sparsweep {

// Of the process, before its first tensor. Freed pages are kept: a step allocates what the last one freed.
void KeepHeap();

}  // namespace sparsweep
