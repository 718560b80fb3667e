// What the parts of the command line are made with: commands with the flags that are the same
// everywhere. Private to client/cli*.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

#include "client/commands.h"

namespace sparsweep {

// HOST:PORT with a port of 0 .. 65535 (0: any free one).
inline std::string CheckAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos && colon > 0) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || rest != end) port = -1;
  }
  return port >= 0 && port <= 65535 ? "" : "\"" + text + "\" is not HOST:PORT, as 127.0.0.1:7070";
}

// Adds commands with the flags that are the same everywhere.
class Commands {
 public:
  Commands(CLI::App* app, Options* options) : app_(app), o_(options) {}

  CLI::App* Add(const char* name, const char* what, const char* examples) {
    current_ = app_->add_subcommand(name, what);
    current_->footer(std::string("Examples:\n") + examples);
    return current_;
  }
  Commands& Db(const char* what = "Database file, asked without a server") {
    current_->add_option("--db", o_->db, what)->type_name("FILE");
    return *this;
  }
  Commands& Server() {
    current_->add_option("--server", o_->server, "Server to ask (default: 127.0.0.1:7070)")
        ->type_name("HOST:PORT")
        ->check(CheckAddress);
    return *this;
  }
  Commands& Data() {
    current_
        ->add_option("--data", o_->data,
                     "Data folder with models/ and tasks/ (default: $SPARSWEEP_DATA or "
                     "~/.local/share/sparsweep)")
        ->type_name("DIR");
    return *this;
  }
  Commands& Read() { return Server().Db().Data(); }
  Commands& Json() {
    current_->add_flag("--json", o_->json, "Print JSON");
    return *this;
  }
  Commands& Csv() {
    current_->add_flag("--csv", o_->csv, "Print CSV");
    return *this;
  }
  Commands& Listen(const char* what) {
    current_->add_option("--listen", o_->listen, what)->type_name("HOST:PORT")->check(CheckAddress);
    current_->add_option("--http", o_->http, "Dashboard and HTTP API (default: 127.0.0.1:7071)")
        ->type_name("HOST:PORT")
        ->check(CheckAddress);
    current_->add_option("--web", o_->web, "Folder of the built dashboard")->type_name("DIR");
    current_->add_flag("--insecure", o_->insecure,
                       "Listen beyond this machine although connections are not encrypted");
    return *this;
  }
  Commands& Slots() {
    current_
        ->add_option("--slots", o_->slots,
                     "Trainers side by side (default: one per core, bounded by memory)")
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    return Threads();
  }
  Commands& Threads() {
    current_->add_option("--threads-per-slot", o_->threads_per_slot, "Threads of a trainer (1)")
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    return *this;
  }
  Commands& Trainer() {
    current_->add_option("--trainer", o_->trainer, "The sparsweep-trainer program")
        ->type_name("FILE");
    current_->add_option("--device", o_->device, "auto, cpu or cuda")
        ->type_name("NAME")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
    return *this;
  }
  Commands& Subject(const char* name, const char* what, bool required) {
    CLI::Option* option = current_->add_option(name, o_->subject, what)->type_name("");
    if (required) option->required();
    return *this;
  }
  CLI::App* current() { return current_; }

 private:
  CLI::App* app_;
  Options* o_;
  CLI::App* current_ = nullptr;
};

// cli_lifecycle.cc: commands that change what is under way, and that prove and copy the file.
void AddLifecycle(Commands& c, Options& o);
void AddFile(Commands& c, Options& o);

}  // namespace sparsweep
