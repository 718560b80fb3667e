// A server without sockets in a temporary folder, and a worker that answers with recorded results.
// Test only: nothing here trains anything.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "core/json.h"
#include "core/sha256.h"
#include "core/trial.h"
#include "proto/convert.h"
#include "server/loop/expander.h"
#include "server/services/local_api.h"
#include "server/store/file.h"
#include "tests/core/fake_resolver.h"
#include "tests/server/results.h"

namespace sparsweep {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sparsweep-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The store, the loop and the services, as server.cc puts them together, over a fake data folder.
class TestServer {
 public:
  explicit TestServer(std::string db, LoopOptions options = {}, TextMasker masker = {}) {
    Result<std::unique_ptr<StoreFile>> opened = StoreFile::Open(db);
    SPARSWEEP_CHECK(opened.ok());
    file = *std::move(opened);
    Result<std::unique_ptr<ReaderPool>> pool = ReaderPool::Open(db, 2);
    SPARSWEEP_CHECK(pool.ok());
    readers = *std::move(pool);
    options.on_sweep_created = [this](SweepId sweep) { expander->Enqueue(sweep); };
    Result<std::unique_ptr<Loop>> started = Loop::Start(*file, feed, progress, options);
    SPARSWEEP_CHECK(started.ok());
    loop = *std::move(started);
    Result<std::unique_ptr<Expander>> expanding = Expander::Start(db, resolver, *loop);
    SPARSWEEP_CHECK(expanding.ok());
    expander = *std::move(expanding);
    if (masker) texts = std::make_unique<TextPictures>(std::move(masker));
    api = std::make_unique<LocalApi>(LocalApi::Parts{*readers, feed, progress, resolver,
                                                     db + ".blobs", loop.get(), texts.get()});
  }
  ~TestServer() {
    if (expander != nullptr) expander->Stop();
    loop->Stop();
    feed.Close();
    if (texts != nullptr) texts->Stop();
    readers.reset();
  }

  FakeResolver resolver;
  Feed feed;
  Progress progress;
  std::unique_ptr<StoreFile> file;
  std::unique_ptr<ReaderPool> readers;
  std::unique_ptr<Expander> expander;
  std::unique_ptr<Loop> loop;
  std::unique_ptr<TextPictures> texts;
  std::unique_ptr<LocalApi> api;
};

// Calls a method of the Api and waits for its reply.
template <typename Request, typename Response>
Result<Response> Call(Api& api, void (Api::*method)(const Request&, Reply<Response>),
                      const Request& request) {
  auto promise = std::make_shared<std::promise<Result<Response>>>();
  std::future<Result<Response>> future = promise->get_future();
  (api.*method)(request, [promise](Result<Response> r) { promise->set_value(std::move(r)); });
  SPARSWEEP_CHECK(future.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  return future.get();
}

// Creates the sweep file `rest` describes (tests/core/fake_resolver.h) and gives the answer.
inline Result<v1::Sweep> Create(Api& api, const std::string& rest,
                                const std::string& request_id = "") {
  v1::CreateSweepRequest request;
  Result<v1::SweepSpec> spec = SweepSpecToProto(SweepFile(rest));
  SPARSWEEP_CHECK(spec.ok());
  *request.mutable_spec() = *spec;
  request.set_request_id(request_id);
  return Call(api, &Api::CreateSweep, request);
}

inline v1::Sweep Get(Api& api, const std::string& name) {
  v1::GetSweepRequest request;
  request.set_name(name);
  Result<v1::Sweep> sweep = Call(api, &Api::GetSweep, request);
  SPARSWEEP_CHECK(sweep.ok());
  return *sweep;
}

// All rows of a SELECT, as text with '|' between the columns.
inline std::vector<std::string> Rows(Api& api, const std::string& sql) {
  v1::QueryRequest request;
  request.set_sql(sql);
  const Result<v1::QueryResponse> response = Call(api, &Api::Query, request);
  if (!response.ok()) return {"error: " + response.status().message()};
  std::vector<std::string> rows;
  for (const auto& row : response->rows()) {
    std::string text;
    for (const auto& value : row.values()) {
      if (!text.empty()) text += "|";
      text += value.has_string_value() ? value.string_value()
              : value.has_null_value() ? "NULL"
                                       : CanonicalNumber(value.number_value());
    }
    rows.push_back(std::move(text));
  }
  return rows;
}

// Speaks Sync as a worker does. One call at a time.
class FakeWorker {
 public:
  FakeWorker(Api& api, std::string name, int slots, std::string incarnation = "one")
      : api_(api), name_(std::move(name)), slots_(slots), incarnation_(std::move(incarnation)) {}

  std::vector<v1::Assignment> running;

  v1::SyncRequest Request() {
    v1::SyncRequest request;
    request.set_worker(name_);
    request.set_incarnation(incarnation_);
    request.set_sequence(++sequence_);
    request.set_slots(slots_);
    request.set_protocol_version(1);
    for (const v1::Assignment& one : running) {
      *request.add_running()->mutable_attempt() = one.attempt();
    }
    return request;
  }
  // Sends, and runs from now on what the answer says.
  Result<v1::SyncResponse> Send(const v1::SyncRequest& request) {
    Result<v1::SyncResponse> response = Call(api_, &Api::Sync, request);
    if (response.ok() && !response->stale()) {
      running.assign(response->run().begin(), response->run().end());
    }
    return response;
  }
  Result<v1::SyncResponse> Sync() { return Send(Request()); }
  // Ends everything it runs with this result and takes what comes next.
  Result<v1::SyncResponse> FinishAll(double value) { return FinishAll(RecordedResult(value)); }
  Result<v1::SyncResponse> FinishAll(const TrialResult& result) {
    v1::SyncRequest request = Request();
    request.clear_running();
    for (const v1::Assignment& one : running) {
      v1::EndedAttempt* ended = request.add_ended();
      *ended->mutable_attempt() = one.attempt();
      ended->set_result_json(TrialResultToJson(result));
    }
    return Send(request);
  }

 private:
  Api& api_;
  std::string name_;
  int slots_;
  std::string incarnation_;
  int64_t sequence_ = 0;
};

// Waits until the sweep is expanded, by the events that say so.
inline v1::Sweep Expanded(Api& api, const std::string& name) {
  v1::WatchEventsRequest request;
  request.set_parent(name);
  const auto subscription = api.Subscribe(request);
  while (true) {
    std::promise<Result<std::vector<v1::WatchEventsResponse>>> promise;
    subscription->Next([&](auto events) { promise.set_value(std::move(events)); });
    const auto events = promise.get_future().get();
    SPARSWEEP_CHECK(events.ok());
    bool over = events->empty();
    for (const auto& event : *events) {
      over |= event.type() == "sweep" && event.state() != "expanding";
    }
    if (!over) continue;
    v1::Sweep sweep = Get(api, name);  // that no worker is there is said before it is expanded
    if (sweep.state() != v1::SWEEP_STATE_EXPANDING) return sweep;
  }
}

}  // namespace sparsweep
