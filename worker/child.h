// One trainer process: started, spoken to in lines, watched, ended.
//
// Everything happens on the thread that runs the io_context. That thread must be permanent: the
// trainer asks the kernel to be killed when the *thread* that spawned it ends.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sparsweep {

struct ChildExit {
  bool signalled = false;
  int code = 0;  // exit code, or the signal's number
  int64_t peak_bytes = 0;
};

// What a child tells its owner. Nothing is called after on_exit, which comes exactly once; none is
// called from within Start or a method of Child. An owner may destroy the Child inside on_exit.
struct ChildEvents {
  std::function<void(std::string_view line)> on_line;          // of the protocol, without "\n"
  std::function<void(std::string_view text)> on_log;           // stdout and stderr as they come
  std::function<void(const std::string& sentence)> on_broken;  // a line above the limit
  std::function<void(const ChildExit& exit)> on_exit;
};

class Child {
 public:
  // Runs `arguments[0]` with the rest and "--protocol-fd 3", stdin closed, in a process group of
  // its own (so that Ctrl-C in a terminal reaches the worker alone).
  static Result<std::unique_ptr<Child>> Start(boost::asio::io_context& io,
                                              const std::vector<std::string>& arguments,
                                              size_t max_line, ChildEvents events);
  // Kills the group and reaps; on_exit is not called.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // `line` ends with "\n". Lost without a word if the child is gone: on_exit will say so.
  void Send(std::string line);
  void Signal(int number);  // to the whole group
  // Closes the protocol: an idle trainer exits by itself.
  void Close();
  // Reads what the child has written to its log so far; call before closing an attempt's log.
  void DrainLog();
  int pid() const { return pid_; }

 private:
  Child(boost::asio::io_context& io, size_t max_line, ChildEvents events, int pid, int pidfd,
        int protocol, int log);
  void ReadProtocol();
  void ReadLog();
  void WaitExit();
  void Write();
  void TakeLines(std::string_view bytes);
  void Reap();

  const size_t max_line_;
  ChildEvents events_;
  int pid_;
  bool reaped_ = false;
  bool broken_ = false;
  boost::asio::posix::stream_descriptor pidfd_;
  boost::asio::local::stream_protocol::socket protocol_;  // a socket: its writes raise no SIGPIPE
  boost::asio::posix::stream_descriptor log_;
  std::string protocol_buffer_;  // the line under way
  std::vector<char> chunk_;      // what is being read; used within one handler only
  std::deque<std::string> to_send_;
  // Handlers hold a weak reference: they may run after the owner destroyed the child.
  std::shared_ptr<Child*> self_;
};

}  // namespace sparsweep
