// One function per command of `sparsweep`; main.cc fills the options from the command line.
//
// Each returns the exit code (exit_codes.h). Results go to stdout, everything else to stderr.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/service.h"
#include "client/signals.h"

namespace sparsweep {

struct Options {
  // The same everywhere.
  std::string db;
  std::string listen;
  std::string http;
  std::string server;
  std::string data;
  int slots = 0;  // 0: by cores and memory
  int threads_per_slot = 1;
  bool json = false;
  bool csv = false;

  // What a command is about: a sweep file, a sweep, a trial, a statement.
  std::string subject;

  // run
  bool retry_failed = false;
  bool keep_serving = false;
  std::optional<uint64_t> only_cell;
  // server
  std::string web;
  bool insecure = false;
  double lease = 30;  // seconds
  // worker, run, doctor
  std::string name;
  std::string trainer;
  std::string device = "auto";
  double drain_grace = 60;     // seconds
  double offline_grace = 900;  // seconds
  // submit
  bool wait = false;
  std::string request_id;
  // pause, resume, cancel, retry, delete, update, invalidate, drain
  std::vector<int64_t> cells, trials;
  std::vector<std::string> reasons;
  std::string etag;
  std::optional<int64_t> priority, max_running;
  std::optional<double> weight;
  std::string where, why, sweep;
  bool dry_run = false, changes = false, yes = false, undo = false;
  // worker
  std::vector<std::string> labels;
  // logs
  bool follow = false;
  int attempt = 0;
  // verify
  bool with_trainer = false;
  // preview, list
  int limit = 0;
  // mask
  std::string attention, batch;
  std::string format, output;  // "": by where the output goes
  std::string model, text, text_pair, glove, conllu, example;
  int64_t sentence = 0;       // 0: the first
  std::string phase = "training";
  int layers = 0, heads = 0, length = 0, max_length = 0;
  int layer = -1, head = -1;  // -1: all
  int scale = 0;              // 0: chosen by size
  uint64_t mask_seed = 0;
  bool rows = false;

  // predict
  std::string predict_trial, task, input, pooling;
  bool hidden = false;
  int64_t batch_size = 32;

  ServiceAddress address() const { return {server, db, data}; }
};

int RunSweep(const Options& options, Signals& signals);
int RunServer(const Options& options, Signals& signals);
int RunWorker(const Options& options, Signals& signals);
int Submit(const Options& options, Signals& signals);
int List(const Options& options);
int ShowStatus(const Options& options);
int Watch(const Options& options, Signals& signals);
int Cancel(const Options& options);
int Pause(const Options& options);
int Resume(const Options& options);
int Retry(const Options& options);
int Delete(const Options& options);
int Update(const Options& options);
int Invalidate(const Options& options);
int Drain(const Options& options);
int BackUp(const Options& options);
int Results(const Options& options);
int Preview(const Options& options);
int WriteModel(const Options& options);
int ShowTrial(const Options& options);
int ShowLogs(const Options& options, Signals& signals);
int Sql(const Options& options);
int Verify(const Options& options);
int ShowMask(const Options& options);
int PredictTexts(const Options& options);
int Doctor(const Options& options);

// Whether a person agrees: --yes, or asked at the terminal; without one there is nobody to ask.
bool Agreed(const Options& options, const std::string& what);

// A sweep as `status` shows it.
void PrintSweep(const v1::Sweep& sweep);

// The table at the end of `run` and of `results`, with the failed trials below it.
Status PrintResults(Service& service, const std::string& sweep);
// What a sweep of kind `profile` or `infer` measured: a row per cell, path, batch and length.
Status PrintMeasurements(Service& service, const std::string& sweep, const std::string& kind);

// Where the built dashboard is: --web, $SPARSWEEP_WEB, or beside the program; empty if nowhere.
std::string WebFolder(const Options& options);

}  // namespace sparsweep
