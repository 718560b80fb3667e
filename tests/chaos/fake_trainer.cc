// A trainer for scripts/chaos: trains nothing, answers with a result that a real trainer recorded, and
// misbehaves in a share of the first attempts. It speaks docs/trainer-protocol.md.
//
//   FAKE_TRAINER="RESULT.json SEED MILLISECONDS SHARE FLOOD_MB LOG" fake_trainer ... --protocol-fd N
//
// A first attempt may hang, crash, end without a word, write garbage or an endless line to its pipe,
// send a number that is none, or fill its log; later attempts behave, so that every trial can
// succeed. Each misbehaviour is a line in LOG.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace {

int protocol = -1;

void Put(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n <= 0) _exit(9);
    done += static_cast<size_t>(n);
  }
}

bool ReadLine(std::string* line) {
  line->clear();
  char c;
  ssize_t n;
  while ((n = read(protocol, &c, 1)) == 1 && c != '\n') *line += c;
  return n == 1;
}

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string(argv[i]) == "--protocol-fd") protocol = std::atoi(argv[i + 1]);
  }
  const char* settings = std::getenv("FAKE_TRAINER");
  if (settings == nullptr || protocol < 0) return 64;
  std::string result_path, log_path;
  uint64_t seed = 0, milliseconds = 0, flood_mb = 0;
  double share = 0;
  std::istringstream(settings) >> result_path >> seed >> milliseconds >> share >> flood_mb >> log_path;
  std::ifstream file(result_path);
  std::string result;
  std::getline(file, result);  // one line, as every message is
  const auto note = [&](const std::string& what) {
    const int log = open(log_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    Put(log, what + "\n");
    close(log);
  };

  Put(protocol, R"({"type":"ready","protocol":1,"versions":{"sparsweep":"fake"},"devices":[]})"
                "\n");
  std::string line;
  while (ReadLine(&line)) {
    const auto message = nlohmann::json::parse(line);
    if (message["type"] == "quit") return 0;
    if (message["type"] != "run") continue;  // a cancel that came too late
    const std::string attempt = message["attempt"];
    const auto say = [&](const std::string& type, const std::string& rest) {
      Put(protocol, R"({"type":")" + type + R"(","attempt":")" + attempt + "\"," + rest + "}\n");
    };
    say("started", R"("phase":"train","steps":4)");
    uint64_t draw = Mix(seed ^ Mix(std::hash<std::string>()(attempt)));
    const bool first = attempt.ends_with(".1");
    if (first && static_cast<double>(draw >> 11) * 0x1p-53 < share) {
      switch (Mix(draw) % 7) {
        case 0:
          note("hang pid " + std::to_string(getpid()));
          signal(SIGTERM, SIG_IGN);
          for (;;) pause();
        case 1:
          note("crash");
          abort();
        case 2:
          note("silent exit");
          return 0;
        case 3:
          note("garbage on the pipe");
          for (std::string noise; noise.size() < 1 << 20; noise += static_cast<char>(draw)) {
            draw = Mix(draw);
            if (noise.size() + 1 == 1 << 20) Put(protocol, noise);
          }
          break;
        case 4:
          note("endless line on the pipe");
          for (uint64_t mb = 0; mb < flood_mb; ++mb) Put(protocol, std::string(1 << 20, 'x'));
          break;
        case 5:
          note("result that is none");
          say("done", R"("result":{"value":1e999,"metric":"accuracy"},"points":[])");
          continue;
        case 6:
          note("flooded log");
          for (uint64_t mb = 0; mb < flood_mb; ++mb) Put(1, std::string((1 << 20) - 1, 'y') + "\n");
          break;
      }
    }
    const uint64_t pause_us = 1000 * (1 + draw % (2 * milliseconds)) / 4;
    for (int step = 1; step <= 4; ++step) {
      usleep(static_cast<useconds_t>(pause_us));
      Put(1, "step " + std::to_string(step) + "\n");
      const std::string number = std::to_string(step);
      say("step", R"("step":)" + number + R"(,"steps":4,"points":[{"name":"train/loss","step":)" +
                      number + R"(,"epoch":1,"value":0.5}])");
    }
    say("done", R"("result":)" + result + R"(,"points":[])");
  }
  return 0;
}
