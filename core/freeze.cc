// See freeze.h.
#include "core/freeze.h"

#include <charconv>

#include "core/json.h"

namespace sparsweep {
namespace {

constexpr std::string_view kFirst = "first ";

// 0 if the text is not "first N" with N from 1 on.
int LayersOf(std::string_view text) {
  if (!text.starts_with(kFirst)) return 0;
  text.remove_prefix(kFirst.size());
  int layers = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), layers);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && layers > 0 ? layers : 0;
}

}  // namespace

Result<Freeze> ParseFreeze(const std::string& text) {
  if (text == "none") return Freeze{};
  if (text == "embeddings") return Freeze{true, 0};
  constexpr std::string_view both = "embeddings + ";
  const bool embeddings = text.starts_with(both);
  const int layers = LayersOf(std::string_view(text).substr(embeddings ? both.size() : 0));
  if (layers > 0) return Freeze{embeddings, layers};
  return InvalidArgument(QuoteJson(text) +
                         " is none of: none, embeddings, first N, embeddings + first N (N layers, "
                         "from 1 on)");
}

std::string FreezeText(const Freeze& freeze) {
  const std::string layers = std::string(kFirst) + std::to_string(freeze.layers);
  if (freeze.layers == 0) return freeze.embeddings ? "embeddings" : "none";
  return freeze.embeddings ? "embeddings + " + layers : layers;
}

}  // namespace sparsweep
