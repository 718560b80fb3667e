// Host, Origin and Content-Type checks.
#include "server/http/guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace sparsweep {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "[::1]:8080" and "localhost:8080" without the port; brackets stay away too.
std::string WithoutPort(std::string_view host) {
  if (!host.empty() && host.front() == '[') {
    const size_t end = host.find(']');
    return end == std::string_view::npos ? "" : Lower(host.substr(1, end - 1));
  }
  return Lower(host.substr(0, host.rfind(':')));
}

bool IsAddress(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

bool IsOwnHost(std::string_view host, std::string_view machine_name) {
  const std::string name = WithoutPort(host);
  if (name.empty()) return false;
  const std::string machine = Lower(machine_name);
  return name == "localhost" || IsAddress(name) ||
         (!machine.empty() && (name == machine || name == machine.substr(0, machine.find('.'))));
}

bool IsSameOrigin(std::string_view origin, std::string_view host) {
  return origin.empty() || Lower(origin) == "http://" + Lower(host) ||
         Lower(origin) == "https://" + Lower(host);  // behind a proxy that speaks TLS
}

bool IsJson(std::string_view content_type) {
  std::string type = Lower(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type == "application/json";
}

}  // namespace sparsweep
