// What a trainer keeps between trials: base weights, tokenised data, texts with their parses,
// masks, hashes of files. Not here: how they come about (prepare.h). One thread.
#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "attention/mask_plan.h"
#include "core/catalog.h"
#include "trainer/checkpoint.h"
#include "trainer/tokens.h"
#include "trainer/trial_texts.h"

namespace sparsweep {

// The most recently used few by key, newest first.
template <typename T>
class Recent {
 public:
  std::shared_ptr<T> Find(const std::string& key) {
    for (auto item = items_.begin(); item != items_.end(); ++item) {
      if (item->first != key) continue;
      items_.splice(items_.begin(), items_, item);
      return items_.front().second;
    }
    return nullptr;
  }
  void Put(const std::string& key, std::shared_ptr<T> value) {
    items_.emplace_front(key, std::move(value));
    if (items_.size() > kKept) items_.pop_back();
  }

 private:
  static constexpr size_t kKept = 4;
  std::list<std::pair<std::string, std::shared_ptr<T>>> items_;
};

struct Resident {
  explicit Resident(const std::filesystem::path& data_folder) : parser(data_folder) {}

  HashCache hashes;
  Recent<const Checkpoint> checkpoints;   // by model fingerprint, random ones by seed too
  Recent<const TokenizedData> tokenized;  // by model, data, max_length and doc_stride
  Recent<TrialTexts> texts;               // as both, where masks needed texts
  Parser parser;
  MaskCache masks;
};

}  // namespace sparsweep
