// A trial's identity as 32 bytes: half the hex text, without an allocation of its own.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sparsweep {

using Digest = std::array<uint8_t, 32>;

// Of 64 lower-case hex digits; anything else is nullopt.
inline std::optional<Digest> ParseDigest(std::string_view hex) {
  enum : uint8_t { kNone = 0x80 };
  static constexpr auto kNibbles = [] {
    std::array<uint8_t, 256> nibbles;
    nibbles.fill(kNone);
    for (int i = 0; i < 16; ++i) nibbles["0123456789abcdef"[i]] = static_cast<uint8_t>(i);
    return nibbles;
  }();
  Digest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  uint8_t seen = 0;
  for (size_t i = 0; i < digest.size(); ++i) {
    const uint8_t high = kNibbles[static_cast<uint8_t>(hex[2 * i])];
    const uint8_t low = kNibbles[static_cast<uint8_t>(hex[2 * i + 1])];
    seen |= high | low;
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if ((seen & kNone) != 0) return std::nullopt;
  return digest;
}

inline std::string HexOf(const Digest& digest) {
  static const char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : digest) hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}

// The digest is uniform already: its first bytes are the hash.
inline size_t HashOf(const Digest& digest) {
  size_t hash;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

}  // namespace sparsweep
