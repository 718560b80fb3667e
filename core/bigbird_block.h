// BigBird on blocks of tokens: which blocks a row of blocks attends to, and how often.
//
// exact=set is the pattern as published (arXiv 2007.14062). exact=hf is what transformers 4.57 runs
// (modeling_big_bird.py): random lists from numpy's generator, seeded by the layer, which may name
// a block that is attended to already; it then counts once more. Pure: any thread.
#pragma once

#include <string>

#include "core/mask.h"
#include "core/pattern.h"
#include "core/plan_context.h"

namespace sparsweep {

// Blocks of texts so short that exact=hf runs full attention: length <= (5 + 2r) * block.
bool IsFullAttention(const BigBirdBlock& pattern, int length);

// Whether every mask of texts of up to `max_length` tokens is dense.
bool IsAlwaysDense(const BigBirdBlock& pattern, int max_length);

// Whether some text of up to `max_length` tokens has a length at which exact=hf draws from lists
// that depend on max_positions.
bool ReachesPaperLength(const BigBirdBlock& pattern, int max_length);

// Adds the entries of one head's blocks. exact=hf needs context.heads.
void AddBlocks(const BigBirdBlock& pattern, const MaskContext& context, Mask* mask);

// Why transformers could not run it with exact=hf, or "".
std::string RefuseBigBirdBlock(const BigBirdBlock& pattern, const PlanContext& context);

}  // namespace sparsweep
