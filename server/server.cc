#include "server/server.h"

#include <spdlog/spdlog.h>

#include "core/catalog.h"
#include "server/http/http_server.h"
#include "server/loop/blob_cleaning.h"
#include "server/loop/digests.h"
#include "server/loop/expander.h"
#include "server/loop/loop.h"
#include "server/rpc/grpc_server.h"
#include "server/services/local_api.h"
#include "server/store/file.h"
#include "server/store/kept_models.h"
#include "server/store/reader_pool.h"
#include "server/store/reads.h"

namespace sparsweep {
namespace {

constexpr int kReaders = 2;

Result<HttpOptions> HttpOptionsOf(const ServerOptions& options) {
  const std::string& listen = options.http_listen;
  const size_t colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  if (colon == 0 || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535) {
    return InvalidArgument("--http \"" + listen + "\" is not HOST:PORT, such as 127.0.0.1:7071");
  }
  HttpOptions http;
  http.address = listen.substr(0, colon);
  http.port = static_cast<uint16_t>(std::stoi(port));
  http.web_dir = options.web_dir;
  http.insecure = options.insecure;
  return http;
}

}  // namespace

// In the order in which they start; Stop takes them down by hand.
struct Server::Impl {
  ServerOptions options;
  ServerPorts ports;
  std::unique_ptr<StoreFile> file;
  std::unique_ptr<ReaderPool> readers;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<KeptModels> models;  // the catalog, and what trials left
  Feed feed;
  Progress progress;
  std::unique_ptr<Expander> expander;  // posts to the loop
  std::unique_ptr<Loop> loop;
  std::unique_ptr<TextPictures> texts;
  std::unique_ptr<LocalApi> api;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<HttpServer> http;

  Status StartStore();
  Status StartFronts();
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Stop(std::chrono::seconds(1)); }

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  // Whatever fails, what has started is taken down in order by ~Server.
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  if (Status status = server->impl_->StartStore(); !status.ok()) return status;
  if (Status status = server->impl_->StartFronts(); !status.ok()) return status;
  return server;
}

Status Server::Impl::StartStore() {
  catalog = std::make_unique<Catalog>(options.data_dir.empty() ? Catalog::DefaultFolder().string()
                                                               : options.data_dir);
  models = std::make_unique<KeptModels>(*catalog, options.db, options.db + ".blobs");
  if (!options.read_only) {
    Result<std::unique_ptr<StoreFile>> opened = StoreFile::Open(options.db);
    if (!opened.ok()) return opened.status();
    file = *std::move(opened);
    if (!file->backup().empty()) {
      spdlog::info("the database had an older schema; it was copied to {} first", file->backup());
    }
  }
  Result<std::unique_ptr<ReaderPool>> pool = ReaderPool::Open(options.db, kReaders);
  if (!pool.ok()) return pool.status();
  readers = *std::move(pool);
  if (options.read_only) return {};

  LoopOptions loop_options{options.scheduler, options.min_free_bytes};
  loop_options.on_sweep_created = [this](SweepId sweep) {
    if (expander != nullptr) expander->Enqueue(sweep);
  };
  loop_options.on_sweep_ended = [this](SweepId sweep) { StoreDigest(*readers, *loop, sweep); };
  Result<std::unique_ptr<Loop>> started = Loop::Start(*file, feed, progress, loop_options);
  if (!started.ok()) return started.status();
  loop = *std::move(started);
  // No one can submit before the fronts run, so the loop does not look at `expander` yet.
  Result<std::unique_ptr<Expander>> expanding = Expander::Start(options.db, *models, *loop);
  if (!expanding.ok()) return expanding.status();
  expander = *std::move(expanding);
  // Sweeps that ended just before the last server did.
  readers->Read<std::vector<SweepId>>(
      [](Database& db) -> Result<std::vector<SweepId>> { return ReadWithoutDigest(db); },
      [this](Result<std::vector<SweepId>> sweeps) {
        if (!sweeps.ok()) return;
        for (const SweepId sweep : *sweeps) StoreDigest(*readers, *loop, sweep);
      });
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  RemoveUnnamedBlobs(*readers, *loop, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  return {};
}

Status Server::Impl::StartFronts() {
  if (options.text_masker) texts = std::make_unique<TextPictures>(options.text_masker);
  api = std::make_unique<LocalApi>(LocalApi::Parts{*readers, feed, progress, *models,
                                                   options.db + ".blobs", loop.get(), texts.get()});
  const std::string listen = options.read_only ? "" : options.grpc_listen;
  Result<std::unique_ptr<GrpcServer>> rpc = GrpcServer::Start(listen, options.insecure, *api);
  if (!rpc.ok()) return rpc.status();
  grpc = *std::move(rpc);
  ports.grpc = grpc->port();
  if (options.http_listen.empty() || options.read_only) return {};
  Result<HttpOptions> http_options = HttpOptionsOf(options);
  if (!http_options.ok()) return http_options.status();
  Result<std::unique_ptr<HttpServer>> web = HttpServer::Start(*std::move(http_options), *api);
  if (!web.ok()) return web.status();
  http = *std::move(web);
  ports.http = static_cast<uint16_t>(http->port());
  return {};
}

Status Server::Restored() {
  return impl_->loop == nullptr ? Status() : impl_->loop->Restored();
}

const ServerPorts& Server::ports() const { return impl_->ports; }
Api& Server::api() { return *impl_->api; }
std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  return impl_->grpc->InProcessChannel();
}

void Server::Stop(std::chrono::milliseconds deadline) {
  Impl& impl = *impl_;
  if (impl.grpc != nullptr) impl.grpc->NotServing();
  // The expander waits for the loop, the fronts' open calls for the loop and the readers.
  if (impl.expander != nullptr) impl.expander->Stop();
  if (impl.loop != nullptr) impl.loop->Stop();
  impl.feed.Close();
  if (impl.texts != nullptr) impl.texts->Stop();  // its child would be waited for
  if (impl.http != nullptr) impl.http->Stop();
  if (impl.grpc != nullptr) impl.grpc->Stop(deadline);
  impl.readers.reset();
  if (impl.file != nullptr) impl.file->Checkpoint();
  impl.file.reset();
}

}  // namespace sparsweep
