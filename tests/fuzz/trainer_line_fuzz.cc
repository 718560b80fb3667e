// A trainer's lines, parsed and given to an agent that runs an attempt: it may break its protocol in
// any way, the agent goes on.
#include <cstdint>
#include <string_view>

#include "worker/agent.h"
#include "worker/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sparsweep;
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  AgentOptions options;
  Agent::Instant now{};
  Agent agent(options, now);
  const ServerAnswer answer{{{{1, 1}, "{}"}}, {}};
  agent.Apply(answer, now);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const Result<TrainerMessage> message = ParseTrainerMessage(line);
    if (message.ok()) {
      agent.Apply(0, *message, now);
    } else {
      agent.Garbage(0, message.status().message(), now);
      agent.Exited(0, {}, now);
      agent.Apply(answer, now);
    }
    now += std::chrono::seconds(1);
    agent.TimePassed(now);
    agent.Report();
    agent.SyncAnswered(now);
  }
  return 0;
}
