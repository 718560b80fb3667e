// A child process for child_test.cc that misbehaves on request. Not a trainer: it knows no trial.
//   fake_child BEHAVIOUR --protocol-fd N
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int protocol = -1;

void Say(const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(protocol, text.data() + done, text.size() - done);
    if (n <= 0) _exit(9);
    done += static_cast<size_t>(n);
  }
}

std::string ReadLine() {
  std::string line;
  for (char c; read(protocol, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const std::string behaviour = argv[1];
  protocol = std::atoi(argv[3]);
  if (behaviour == "echo") {  // one line, then the end
    Say(ReadLine() + "\n");
    return 0;
  }
  if (behaviour == "pieces") {  // two lines in three writes
    Say("on");
    Say("e\ntw");
    Say("o\n");
    return 0;
  }
  if (behaviour == "big") {  // one line of a million bytes
    Say(std::string(1'000'000, 'x') + "\n");
    return 0;
  }
  if (behaviour == "endless") {  // a line that does not end
    for (;;) Say(std::string(65536, 'x'));
  }
  if (behaviour == "log") {
    std::fprintf(stderr, "to stderr\n");
    std::printf("to stdout\n");
    return 5;
  }
  if (behaviour == "crash") {
    std::fprintf(stderr, "about to crash\n");
    Say("last\n");
    signal(SIGSEGV, SIG_DFL);  // AddressSanitizer would make an exit code of it
    raise(SIGSEGV);
  }
  if (behaviour == "hang") {  // deaf to everything but SIGKILL
    signal(SIGTERM, SIG_IGN);
    Say("hanging\n");
    for (;;) pause();
  }
  if (behaviour == "wait") {  // until the protocol is closed
    Say("waiting\n");
    while (!ReadLine().empty()) {
    }
    return 7;
  }
  return 64;
}
