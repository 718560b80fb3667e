// Which requests come from where they should: protection of a server without accounts against web
// pages of others that run in the same browser. Pure functions; any thread.
#pragma once

#include <string_view>

namespace sparsweep {

// Whether a Host header names this machine as its users do: an IP address, localhost, or the
// machine's own name. A name of anybody else that was made to resolve here (DNS rebinding) is
// refused.
bool IsOwnHost(std::string_view host, std::string_view machine_name);

// Whether an Origin header (empty: none was sent) is that of our own pages, served at `host`.
bool IsSameOrigin(std::string_view origin, std::string_view host);

// "application/json", parameters aside. A form or a plain text, which a page of another site can
// send without asking, is not.
bool IsJson(std::string_view content_type);

}  // namespace sparsweep
