// SHA-256 and hex text. Each hasher belongs to one thread; the functions to any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sparsweep {

using Digest = std::array<uint8_t, 32>;

// For what comes in pieces: Update any number of times, then Finish once.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  void Update(const void* bytes, size_t size);
  void Update(std::string_view bytes) { Update(bytes.data(), bytes.size()); }
  Digest Finish();

 private:
  void* context_;  // EVP_MD_CTX: OpenSSL stays in the .cc file
};

Digest Sha256(std::string_view bytes);

// Two lower-case digits a byte.
std::string Hex(std::span<const uint8_t> bytes);

// Hex(Sha256(bytes)).
std::string Sha256Hex(std::string_view bytes);

}  // namespace sparsweep
