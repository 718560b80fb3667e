// The only file that includes Boost.Beast. One coroutine per connection on one thread; everything a
// connection owns is owned by its coroutine, so that destroying the io_context ends them all.
#include "server/http/http_server.h"

#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "server/api.h"
#include "server/http/await.h"
#include "server/http/connect.h"
#include "server/http/guard.h"
#include "server/http/metrics.h"
#include "server/http/static_files.h"

namespace sparsweep {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using net::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
using std::chrono::seconds;

constexpr size_t kMaxBody = 1 << 20;
constexpr int kMaxConnections = 1024;
constexpr seconds kRequestTimeout{60};  // also how long an idle connection is kept
constexpr seconds kWriteTimeout{30};
constexpr char kPolicy[] =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'";

void SetSecurity(http::fields& fields) {
  fields.set("Content-Security-Policy", kPolicy);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("Referrer-Policy", "same-origin");
  fields.set("Cross-Origin-Opener-Policy", "same-origin");
  fields.set("Cross-Origin-Resource-Policy", "same-origin");
}

Response Respond(const Request& request, HttpAnswer answer) {
  Response response{static_cast<http::status>(answer.status), request.version()};
  SetSecurity(response);
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

HttpAnswer Refuse(int http_status, StatusCode code, std::string message) {
  HttpAnswer answer = ConnectError(Status(code, std::move(message)));
  answer.status = http_status;
  return answer;
}

// The value of `name` in a query string; resource names need no decoding but %2F.
std::string QueryValue(std::string_view target, std::string_view name) {
  const size_t mark = target.find('?');
  std::string_view rest = mark == std::string_view::npos ? "" : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
    std::string value(pair.substr(name.size() + 1));
    for (size_t at; (at = value.find("%2F")) != std::string::npos;) value.replace(at, 3, "/");
    return value;
  }
  return "";
}

// Digits only; anything else is as if it had not been sent.
int64_t EventNumber(std::string_view text) {
  if (text.empty() || text.size() > 18) return -1;
  int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions options, Api& api) : options(std::move(options)), api(api) {}

  net::awaitable<void> Accept();
  net::awaitable<void> Serve(tcp::socket socket);
  net::awaitable<void> ServeRequests(beast::tcp_stream& stream);
  net::awaitable<HttpAnswer> Answer(const Request& request);
  net::awaitable<void> StreamEvents(beast::tcp_stream& stream, const Request& request);
  Response File(const Request& request, std::string_view path) const;

  const HttpOptions options;
  Api& api;
  StaticFiles files;
  std::string machine_name;
  int connections = 0;  // HTTP thread
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>(*context);
  std::optional<tcp::acceptor> acceptor{*context};
  uint16_t port = 0;
  std::thread thread;
};

net::awaitable<void> HttpServer::Impl::Accept() {
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await acceptor->async_accept(net::redirect_error(net::use_awaitable, error));
    if (error) {  // no descriptors left, say: not a reason to spin
      net::steady_timer pause(*context, std::chrono::milliseconds(100));
      co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
      continue;
    }
    if (connections >= kMaxConnections) continue;  // closes it
    net::co_spawn(*context, Serve(std::move(socket)), net::detached);
  }
}

net::awaitable<void> HttpServer::Impl::Serve(tcp::socket socket) {
  struct Count {
    int& n;
    explicit Count(int& n) : n(++n) {}
    ~Count() { --n; }
  } count(connections);
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  beast::tcp_stream stream(std::move(socket));
  try {
    co_await ServeRequests(stream);
  } catch (const boost::system::system_error&) {
    // The peer went away or took too long; there is nobody left to tell.
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

net::awaitable<void> HttpServer::Impl::ServeRequests(beast::tcp_stream& stream) {
  beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    parser.header_limit(16 << 10);
    stream.expires_after(kRequestTimeout);
    boost::system::error_code error;
    co_await http::async_read(stream, buffer, parser,
                              net::redirect_error(net::use_awaitable, error));
    std::optional<Response> response;
    const Request& request = parser.get();
    if (error == http::error::body_limit) {
      response = Respond(
          request, Refuse(413, StatusCode::kResourceExhausted, "the request is larger than 1 MiB"));
    } else if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      response = Respond(request, Refuse(400, StatusCode::kInvalidArgument, "not an HTTP request"));
    } else if (error) {
      co_return;
    }
    if (response) {
      response->keep_alive(false);
    } else {
      stream.expires_never();  // an answer may take its time
      const std::string_view target{request.target().data(), request.target().size()};
      const std::string_view path = target.substr(0, target.find('?'));
      const bool own = IsOwnHost(
          {request[http::field::host].data(), request[http::field::host].size()}, machine_name);
      const bool reads =
          request.method() == http::verb::get || request.method() == http::verb::head;
      if (own && path == "/v1/events" && request.method() == http::verb::get) {
        co_return co_await StreamEvents(stream, request);
      }
      if (own && reads && path != "/healthz" && path != "/metrics") {
        response = File(request, path);
      } else {
        response = Respond(request, co_await Answer(request));
      }
      if (request.method() == http::verb::head) response->body().clear();
    }
    stream.expires_after(kWriteTimeout);
    const bool close = response->need_eof() || !response->keep_alive();
    if (request.method() == http::verb::head) {
      http::response_serializer<http::string_body> serializer(*response);
      co_await http::async_write_header(stream, serializer, net::use_awaitable);
    } else {
      co_await http::async_write(stream, *response, net::use_awaitable);
    }
    if (close) co_return;
  }
}

net::awaitable<HttpAnswer> HttpServer::Impl::Answer(const Request& request) {
  const auto field = [&](http::field name) {
    return std::string_view(request[name].data(), request[name].size());
  };
  const std::string_view target{request.target().data(), request.target().size()};
  if (!IsOwnHost(field(http::field::host), machine_name)) {
    co_return Refuse(403, StatusCode::kPermissionDenied,
                     "this server answers to IP addresses, localhost and \"" + machine_name +
                         "\"; use one of these in the address");
  }
  if (target == "/healthz" || target == "/metrics") {
    v1::QueryRequest query = MetricsQuery();
    if (target == "/healthz") query.set_sql("SELECT 1");
    const auto result = co_await Await<Result<v1::QueryResponse>>(
        mailbox, [&](auto deliver) { api.QueryOwn(query, std::move(deliver)); });
    if (!result.ok()) co_return ConnectError(result.status());
    if (target == "/healthz") co_return HttpAnswer{.body = "ok\n", .type = "text/plain"};
    co_return HttpAnswer{.body = MetricsText(*result) + api.Counters(),
                         .type = "text/plain; version=0.0.4"};
  }
  const ConnectMethod* method = FindConnectMethod(target);
  if (method == nullptr) {
    co_return Refuse(404, StatusCode::kNotFound, "there is no such method");
  }
  if (request.method() != http::verb::post) {
    co_return Refuse(405, StatusCode::kInvalidArgument, "methods are called with POST");
  }
  if (!IsSameOrigin(field(http::field::origin), field(http::field::host))) {
    co_return Refuse(403, StatusCode::kPermissionDenied, "requests of other web sites are refused");
  }
  if (!IsJson(field(http::field::content_type))) {
    co_return Refuse(415, StatusCode::kInvalidArgument, "Content-Type must be application/json");
  }
  const FinishAnswer finish = co_await Await<FinishAnswer>(
      mailbox, [&](auto deliver) { (*method)(api, request.body(), std::move(deliver)); });
  co_return finish();
}

Response HttpServer::Impl::File(const Request& request, std::string_view path) const {
  const StaticFile* file = files.Find(path);
  if (file == nullptr) {
    return Respond(request, {404,
                             files.empty() ? "This server has no dashboard; its API is at "
                                             "/sparsweep.v1.SweepService/ListSweeps.\n"
                                           : "There is no such file.\n",
                             "text/plain; charset=utf-8"});
  }
  const auto accepted = request[http::field::accept_encoding];
  const bool gzip =
      !file->gzipped.empty() &&
      std::string_view(accepted.data(), accepted.size()).find("gzip") != std::string_view::npos;
  Response response = Respond(request, {200, gzip ? file->gzipped : file->body, file->type});
  if (!file->gzipped.empty()) response.set(http::field::vary, "Accept-Encoding");
  if (gzip) response.set(http::field::content_encoding, "gzip");
  response.set(http::field::cache_control,
               file->hashed ? "public, max-age=31536000, immutable" : "no-cache");
  return response;
}

// The body ends with the connection, so that events need no framing of HTTP's own.
net::awaitable<void> HttpServer::Impl::StreamEvents(beast::tcp_stream& stream,
                                                    const Request& request) {
  const std::string_view target{request.target().data(), request.target().size()};
  const auto resume = request["Last-Event-ID"];
  v1::WatchEventsRequest watch;
  watch.set_parent(QueryValue(target, "sweep"));
  watch.set_after_event(resume.empty() ? EventNumber(QueryValue(target, "after"))
                                       : EventNumber({resume.data(), resume.size()}));
  if (!watch.parent().empty()) {  // asked first: an answer that has begun cannot become a 404
    v1::GetSweepRequest get;
    get.set_name(watch.parent());
    const auto sweep = co_await Await<Result<v1::Sweep>>(
        mailbox, [&](auto deliver) { api.GetSweep(get, std::move(deliver)); });
    if (!sweep.ok()) {
      Response response = Respond(request, ConnectError(sweep.status()));
      response.keep_alive(false);
      stream.expires_after(kWriteTimeout);
      co_await http::async_write(stream, response, net::use_awaitable);
      co_return;
    }
  }
  const std::shared_ptr<Subscription> subscription = api.Subscribe(watch);

  http::response<http::empty_body> head{http::status::ok, request.version()};
  SetSecurity(head);
  head.set(http::field::content_type, "text/event-stream");
  head.set(http::field::cache_control, "no-store");
  head.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(head);
  stream.expires_after(kWriteTimeout);
  co_await http::async_write_header(stream, serializer, net::use_awaitable);

  using Events = Result<std::vector<v1::WatchEventsResponse>>;
  const auto executor = co_await net::this_coro::executor;
  std::string text = "retry: 1000\n\n";
  for (bool ended = false; !ended;) {
    auto pending = std::make_shared<Pending<Events>>(executor);
    subscription->Next(Delivery<Events>(mailbox, pending));
    do {
      if (!text.empty()) {
        stream.expires_after(kWriteTimeout);
        co_await net::async_write(stream, net::buffer(text), net::use_awaitable);
      }
      co_await Wait(*pending, seconds(options.heartbeat_seconds));
      text = ":\n\n";  // nothing happened, which also shows whether the peer is still there
    } while (!pending->value);
    text.clear();
    ended = !pending->value->ok() || (**pending->value).empty();
    if (!ended) {
      for (const auto& event : **pending->value) text += EventText(event);
    }
  }
  text = "event: end\ndata: {}\n\n";
  stream.expires_after(kWriteTimeout);
  co_await net::async_write(stream, net::buffer(text), net::use_awaitable);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { Stop(); }

int HttpServer::port() const { return impl_->port; }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpOptions options, Api& api) {
  const std::string place = options.address + ":" + std::to_string(options.port);
  const auto refuse = [&](StatusCode code, const std::string& why) {
    return Status(code, "cannot serve HTTP on " + place + ": " + why);
  };
  if (options.address.starts_with('[') && options.address.ends_with(']')) {  // [::1]
    options.address = options.address.substr(1, options.address.size() - 2);
  }
  auto impl = std::make_unique<Impl>(std::move(options), api);
  if (!impl->options.web_dir.empty()) {
    Result<StaticFiles> files = StaticFiles::Load(impl->options.web_dir);
    if (!files.ok()) return files.status();
    impl->files = std::move(files).value();
  }
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) impl->machine_name = name;

  boost::system::error_code error;
  tcp::resolver resolver(*impl->context);
  const auto found = resolver.resolve(impl->options.address, std::to_string(impl->options.port),
                                      tcp::resolver::passive, error);
  if (error || found.empty()) {
    return refuse(StatusCode::kInvalidArgument, "the address is not known; use 127.0.0.1:7071");
  }
  const tcp::endpoint endpoint = *found.begin();
  if (!endpoint.address().is_loopback() && !impl->options.insecure) {
    return refuse(
        StatusCode::kInvalidArgument,
        "it has no TLS and no accounts; listen on 127.0.0.1 (and reach it with ssh -L), or "
        "pass --insecure");
  }
  tcp::acceptor& acceptor = *impl->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error == net::error::address_in_use) {
    return refuse(
        StatusCode::kAlreadyExists,
        "the port is in use; stop what listens there or choose another (0: any free one)");
  }
  if (error) return refuse(StatusCode::kUnavailable, error.message());
  impl->port = acceptor.local_endpoint().port();

  net::co_spawn(*impl->context, impl->Accept(), net::detached);
  impl->thread = std::thread([context = impl->context.get()] { context->run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::Stop() {
  if (!impl_->context) return;
  impl_->context->stop();
  impl_->thread.join();
  impl_->mailbox->Close();
  impl_->acceptor.reset();
  impl_->context.reset();  // ends every connection's coroutine, and with it its subscription
}

}  // namespace sparsweep
