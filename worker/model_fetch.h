// Holds a trial back until the files of its model are on this machine: weights that a trial made
// are fetched from the server, file by file. Not here: which files (model_files.h). The loop
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <map>

#include "worker/agent.h"
#include "worker/link.h"

namespace sparsweep {

class ModelFetch {
 public:
  struct Events {
    std::function<void(const RunTrial&)> on_ready;
    // The trainer has not heard of the trial; this is what it would have said.
    std::function<void(int slot, const TrainerFailed&)> on_failed;
  };
  // `io` and `link` must outlive it.
  ModelFetch(boost::asio::io_context& io, Link& link, std::filesystem::path data_folder,
             Events events)
      : io_(io), link_(link), data_folder_(std::move(data_folder)), events_(std::move(events)) {}

  // One trial per slot. Where nothing is missing it is ready before this returns.
  void Begin(const RunTrial& trial);
  // Whether the trial is held back: then it fails as interrupted, on the loop's next turn.
  bool Cancel(const CancelTrial& cancel);
  // Whether a trial of this slot was held back; it is forgotten.
  bool Forget(int slot) { return held_.erase(slot) > 0; }

 private:
  void FetchNext(const RunTrial& trial);

  boost::asio::io_context& io_;
  Link& link_;
  const std::filesystem::path data_folder_;
  const Events events_;
  std::map<int, AttemptKey> held_;  // by slot
};

}  // namespace sparsweep
