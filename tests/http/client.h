// A plain blocking socket: what a test sends and receives is exactly what it says.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace sparsweep {

class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Client() { close(fd_); }

  void Send(const std::string& text) {
    EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Everything until `end` was received (or the peer closed).
  std::string ReadUntil(const std::string& end) {
    while (read_.find(end) == std::string::npos && Receive()) {
    }
    const size_t at = read_.find(end);
    const size_t size = at == std::string::npos ? read_.size() : at + end.size();
    std::string text = read_.substr(0, size);
    read_.erase(0, size);
    return text;
  }
  std::string ReadAll() {
    while (Receive()) {
    }
    return std::exchange(read_, "");
  }

 private:
  bool Receive() {
    char buffer[4096];
    const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    if (size > 0) read_.append(buffer, static_cast<size_t>(size));
    return size > 0;
  }
  const int fd_;
  std::string read_;
};

}  // namespace sparsweep
