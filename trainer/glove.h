// Word vectors from a GloVe text file: a word and its numbers per line, separated by single spaces.
// The whole file is checked; only the vectors of words that are asked for are kept. Any thread may
// read.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/result.h"

namespace sparsweep {

class Glove {
 public:
  // Every line must have as many numbers as the first one, all finite; a word may hold spaces.
  // `wanted`: the words that will be looked up, as they stand in the texts.
  static Result<Glove> Load(const std::string& path, const std::set<std::string>& wanted);

  int width() const { return width_; }
  // The vector of the word as written, else of its form with A-Z lowered; null if neither is there.
  const std::vector<float>* Find(const std::string& word) const;

 private:
  int width_ = 0;
  std::unordered_map<std::string, std::vector<float>> vectors_;
};

}  // namespace sparsweep
