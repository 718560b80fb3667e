// See sha256.h. The only file that knows OpenSSL.
#include "core/sha256.h"

#include <openssl/evp.h>

#include "core/result.h"

namespace sparsweep {
namespace {

// Looked up once: in OpenSSL 3 every implicit look-up costs more than hashing a short text.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  SPARSWEEP_CHECK(algorithm != nullptr);
  return algorithm;
}

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

Sha256Hasher::Sha256Hasher() : context_(EVP_MD_CTX_new()) {
  SPARSWEEP_CHECK(context_ != nullptr);
  SPARSWEEP_CHECK(EVP_DigestInit_ex2(Context(context_), Algorithm(), nullptr) == 1);
}

Sha256Hasher::~Sha256Hasher() { EVP_MD_CTX_free(Context(context_)); }

void Sha256Hasher::Update(const void* bytes, size_t size) {
  SPARSWEEP_CHECK(EVP_DigestUpdate(Context(context_), bytes, size) == 1);
}

Digest Sha256Hasher::Finish() {
  Digest digest;
  unsigned int size = 0;
  SPARSWEEP_CHECK(EVP_DigestFinal_ex(Context(context_), digest.data(), &size) == 1);
  SPARSWEEP_CHECK(size == digest.size());
  return digest;
}

Digest Sha256(std::string_view bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

std::string Hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view bytes) { return Hex(Sha256(bytes)); }

}  // namespace sparsweep
