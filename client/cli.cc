#include "client/cli.h"

#include <algorithm>

#include "client/cli_commands.h"
#include "core/nearest.h"

namespace sparsweep {
namespace {

void AddServices(Commands& c, Options& o) {
  c.Add("run", "Run a sweep here: server, worker and trainers in one command",
        "  sparsweep run sweeps/quickstart.json\n"
        "  sparsweep run sweep.json --db results.db --slots 4\n"
        "  sparsweep run sweep.json --retry-failed\n");
  c.Subject("sweep", "Sweep file (- for standard input)", true)
      .Db("Database file (sparsweep.db)")
      .Listen("gRPC address (default: any free port of this machine)")
      .Slots()
      .Data()
      .Trainer();
  c.current()->add_flag("--retry-failed", o.retry_failed, "Run trials again that failed before");
  c.current()->add_option("--only", o.only_cell, "Run this cell alone")->type_name("CELL");
  c.current()->add_flag("--keep-serving", o.keep_serving, "Go on serving the dashboard when done");

  c.Add("server", "Serve sweeps to workers, clients and browsers",
        "  sparsweep server\n"
        "  sparsweep server --db results.db --listen 127.0.0.1:7070 --http 127.0.0.1:7071\n");
  c.Db("Database file (sparsweep.db)").Listen("gRPC address (127.0.0.1:7070)").Data();
  c.current()
      ->add_option("--trainer", o.trainer,
                   "The sparsweep-trainer program, for masks of texts in the dashboard")
      ->type_name("FILE");
  c.current()
      ->add_option("--lease", o.lease,
                   "Seconds without a word from a worker until its trials are given to others (30)")
      ->check(CLI::Range(1.0, 86400.0));

  c.Add("worker", "Offer this machine's slots to a server",
        "  sparsweep worker --server 127.0.0.1:7070\n"
        "  sparsweep worker --server head-node:7070 --name node7 --slots 8\n"
        "  sparsweep worker --label gpu=a100 --label disk=fast\n");
  c.Server().Slots().Data().Trainer();
  c.current()->add_option("--name", o.name, "Name of the worker (host name and process id)");
  c.current()
      ->add_option("--label", o.labels, "What sweeps may ask for in `needs` (again for more)")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  c.current()
      ->add_option("--drain-grace", o.drain_grace,
                   "Seconds to finish running trials after SIGTERM (60)")
      ->check(CLI::Range(0.0, 1e6));
  c.current()
      ->add_option("--offline-grace", o.offline_grace,
                   "Seconds to train on without the server (900)")
      ->check(CLI::Range(1.0, 1e6));
}

void AddSweeps(Commands& c, Options& o) {
  c.Add("submit", "Submit a sweep to a server",
        "  sparsweep submit sweep.json\n"
        "  sparsweep submit sweep.json --server head-node:7070 --wait\n");
  c.Subject("sweep", "Sweep file (- for standard input)", true).Read().Json();
  c.current()->add_flag("--wait", o.wait, "Follow it to its end; exit code 1 if trials failed");
  c.current()->add_option("--request-id", o.request_id,
                          "Repeating a request with the same id finds the same sweep");

  c.Add("list", "List sweeps, newest first",
        "  sparsweep list\n  sparsweep list --db results.db\n");
  c.Read().Json().Csv();
  c.current()->add_option("--limit", o.limit, "At most so many (50)")->check(CLI::Range(1, 1000));

  c.Add("status", "Show how far a sweep is, and the workers",
        "  sparsweep status\n  sparsweep status 3 --json\n  sparsweep status quickstart\n");
  c.Subject("sweep", "Number or name (default: the newest)", false).Read().Json();

  c.Add("watch", "Print a sweep's changes as they happen",
        "  sparsweep watch 3\n  sparsweep watch quickstart --json\n");
  c.Subject("sweep", "Number or name (default: the newest)", false).Read().Json();

  c.Add("results", "Show the cells of a sweep with their statistics",
        "  sparsweep results quickstart\n"
        "  sparsweep results 3 --csv > cells.csv\n"
        "  sparsweep results --db results.db --json\n");
  c.Subject("sweep", "Number or name (default: the newest)", false).Read().Json().Csv();

  c.Add("preview", "Lay a sweep's grid out without running it",
        "  sparsweep preview sweep.json\n  sparsweep preview sweep.json --limit 1000 --csv\n");
  c.Subject("sweep", "Sweep file (- for standard input)", true).Read().Json().Csv();
  c.current()->add_option("--limit", o.limit, "Cells to list (100)")->check(CLI::Range(1, 100'000));
}

void AddTrials(Commands& c, Options& o) {
  c.Add("show", "Show one trial: result, attempts, confirmed masks",
        "  sparsweep show 17\n  sparsweep show 17 --json\n");
  c.Subject("trial", "Number of the trial", true).Read().Json();

  c.Add("logs", "Print the log of a trial", "  sparsweep logs 17\n  sparsweep logs 17 -f\n");
  c.Subject("trial", "Number of the trial", true).Read();
  c.current()->add_flag("-f,--follow", o.follow, "Print what is added until the trial ends");
  c.current()
      ->add_option("--attempt", o.attempt, "Number of the attempt (default: the newest)")
      ->check(CLI::Range(1, 1'000'000));

  c.Add("model", "Write the weights that a trial kept as a folder in Hugging Face layout",
        "  sparsweep model 17 --output best\n"
        "  sparsweep model 17 --db results.db --output best\n");
  c.Subject("trial", "Number of the trial", true).Read();
  c.current()->add_option("--output", o.output, "New folder")->type_name("DIR")->required();

  c.Add("sql", "Ask the database with one SELECT (docs/database.md lists the views)",
        "  sparsweep sql \"SELECT canonical, avg(value) FROM v_results GROUP BY canonical\"\n"
        "  sparsweep sql --csv \"SELECT * FROM v_cells\" > cells.csv\n");
  c.Subject("select", "The statement", true).Read().Json().Csv();
}

void AddTools(Commands& c, Options& o) {
  c.Add("mask", "Show the masks of an attention text, without training",
        "  sparsweep mask --attention \"window(3) + global(1)\" --layers 2 --heads 2 --length 16\n"
        "  sparsweep mask --attention \"blockbert(10:2)\" --layers 12 --heads 12 --length 64 \\\n"
        "      --format png --output sheet.png\n"
        "  sparsweep mask --attention \"bigbird(1,1,2)\" --layers 2 --heads 2 --length 24 \\\n"
        "      --layer 0 --head 1 --format npy --output mask.npy\n"
        "  sparsweep mask --model bert-tiny --text \"the cat that I saw sat down\" \\\n"
        "      --attention \"syntax(1)\" --layer 0 --head 0\n"
        "  sparsweep mask --model bert-tiny --conllu train.tsv.conllu --sentence 7 \\\n"
        "      --attention \"syntax(1)\"\n"
        "  sparsweep mask --batch requests.jsonl\n");
  c.Data();
  CLI::App* mask = c.current();
  mask->add_option("--attention", o.attention, "Attention text")->type_name("TEXT");
  mask->add_option("--layers", o.layers, "Layers of the model")->type_name("L");
  mask->add_option("--heads", o.heads, "Heads of a layer")->type_name("H");
  mask->add_option("--length", o.length, "Real tokens")->type_name("N");
  mask->add_option("--example", o.example, "Whose draws each=example has, as train/17")
      ->type_name("SPLIT/NUMBER");
  mask->add_option("--phase", o.phase,
                   "training or evaluation, where their masks differ (training)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"training", "evaluation"}));
  mask->add_option("--model", o.model, "Model whose tokens, layers and heads a --text has")
      ->type_name("NAME|DIR");
  mask->add_option("--text", o.text, "A text, instead of --layers, --heads and --length")
      ->type_name("TEXT");
  mask->add_option("--text-pair", o.text_pair, "Its second segment")->type_name("TEXT");
  mask->add_option("--conllu", o.conllu,
                   "Parses of the text for syntax, else from link-grammar; without --text, its "
                   "sentence is the text")
      ->type_name("FILE");
  mask->add_option("--sentence", o.sentence, "Where the text begins in --conllu (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000));
  mask->add_option("--glove", o.glove, "Word vectors of lexical(by=glove), with --text")
      ->type_name("FILE");
  mask->add_option("--trainer", o.trainer, "The sparsweep-trainer program, with --text")
      ->type_name("FILE");
  mask->add_option("--max-length", o.max_length, "Longest text (default: --length)")
      ->type_name("M");
  mask->add_option("--mask-seed", o.mask_seed, "Seed of random patterns (0)")->type_name("S");
  mask->add_option("--format", o.format, "text, json, png or npy (text on a terminal, else json)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"text", "json", "png", "npy"}));
  mask->add_option("--output", o.output, "Write to this file")->type_name("FILE");
  mask->add_option("--layer", o.layer, "Show this layer only")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 999));
  mask->add_option("--head", o.head, "Show this head only")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 999));
  mask->add_option("--scale", o.scale, "Pixels per entry of a png (chosen by size)")
      ->type_name("PIXELS")
      ->check(CLI::Range(1, 256));
  mask->add_flag("--rows", o.rows, "Print the rows too, as hex (json)");
  mask->add_option("--batch", o.batch, "Answer requests from a file of JSON Lines (- for stdin)")
      ->type_name("FILE");

  c.Add("predict", "Run texts through a trained model, under a mask",
        "  sparsweep predict --trial 17 --input texts.jsonl --output answers.jsonl\n"
        "  sparsweep predict --trial 17 --attention dense --input texts.jsonl --output "
        "answers.jsonl\n"
        "  sparsweep predict --model bert-tiny --attention \"window(3)\" --hidden \\\n"
        "      --input texts.jsonl --output states.jsonl\n");
  c.Read().Threads().Trainer();
  CLI::App* predict = c.current();
  predict->add_option("--model", o.model, "Model of the data folder, or a folder")
      ->type_name("NAME|DIR");
  predict
      ->add_option("--trial", o.predict_trial,
                   "Trial that kept its weights, with its task and plan")
      ->type_name("N");
  predict->add_option("--attention", o.attention, "Attention text (default: the trial's, or dense)")
      ->type_name("TEXT");
  predict->add_option("--task", o.task, "Task that says columns and labels, with --model")
      ->type_name("NAME|FILE");
  predict->add_option("--input", o.input, "JSON lines with the task's columns, or \"text\"")
      ->required()
      ->type_name("FILE");
  predict->add_option("--output", o.output, "JSON lines, in the order of the input")
      ->required()
      ->type_name("FILE");
  predict->add_flag("--hidden", o.hidden, "With the last hidden state of each token");
  predict->add_option("--batch-size", o.batch_size, "Texts at once (32)")
      ->type_name("N")
      ->check(CLI::Range(1, 65536));
  predict->add_option("--max-length", o.max_length, "Longest text in tokens")->type_name("M");
  predict->add_option("--pooling", o.pooling, "cls or mean (default: the trial's, or cls)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"cls", "mean"}));
  predict->add_option("--mask-seed", o.mask_seed, "Seed of random patterns")->type_name("S");

  c.Add("doctor", "Say what works on this machine and what to do about the rest",
        "  sparsweep doctor\n");
  c.Db("Where the database will be (sparsweep.db)").Data().Threads().Trainer().Json();

  c.Add("completion", "Print a completion script for bash, zsh or fish",
        "  source <(sparsweep completion bash)\n"
        "  sparsweep completion zsh > \"${fpath[1]}/_sparsweep\"\n"
        "  sparsweep completion fish > ~/.config/fish/completions/sparsweep.fish\n");
  c.current()
      ->add_option("shell", o.subject, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

  c.Add("version", "Print the version", "  sparsweep version\n");
}

std::vector<std::string> FlagsOf(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    for (const std::string& name : option->get_snames()) out.push_back("-" + name);
  }
  return out;
}

std::vector<std::string> Names(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::App* command : app.get_subcommands({})) out.push_back(command->get_name());
  return out;
}

// Of an unknown flag, which CLI11 alone would only call "not expected".
std::optional<Status> UnknownFlag(const CLI::App& command, int argc, const char* const* argv) {
  const std::vector<std::string> known = FlagsOf(command);
  for (int i = 2; i < argc; ++i) {
    std::string flag = argv[i];
    if (flag == "--") break;
    if (flag.size() < 2 || flag[0] != '-') continue;
    flag = flag.substr(0, flag.find('='));
    if (std::find(known.begin(), known.end(), flag) != known.end()) continue;
    if (flag[1] != '-') continue;  // -n5, a negative number, ...
    return InvalidArgument("\"" + command.get_name() + "\" has no flag " + flag +
                           DidYouMean(flag, known) + " (see \"sparsweep " + command.get_name() +
                           " --help\")");
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<CommandLine> MakeCommandLine() {
  auto line = std::make_unique<CommandLine>();
  line->app = std::make_unique<CLI::App>(
      "Which attention connections can a BERT lose? Sweeps over sparse attention masks.",
      "sparsweep");
  CLI::App* app = line->app.get();
  app->footer(
      "Start here:\n"
      "  sparsweep run sweeps/quickstart.json\n"
      "  sparsweep COMMAND --help            flags and examples of a command\n\n"
      "Exit codes: 0 ok, 1 some trials failed (verify: findings), 2 refused or bad input,\n"
      "            130 interrupted");
  app->set_version_flag("--version", std::string("sparsweep ") + kVersion);
  app->require_subcommand(1);
  Commands commands(app, &line->options);
  AddServices(commands, line->options);
  AddSweeps(commands, line->options);
  AddTrials(commands, line->options);
  AddLifecycle(commands, line->options);
  AddFile(commands, line->options);
  AddTools(commands, line->options);
  return line;
}

Result<Parsed> Parse(CommandLine* line, int argc, const char* const* argv) {
  CLI::App& app = *line->app;
  if (argc < 2) return Parsed{"", app.help()};
  const std::string word = argv[1];
  const auto found = app.get_subcommands([&](const CLI::App* c) { return c->get_name() == word; });
  const CLI::App* command = found.empty() ? nullptr : found.front();
  if (!word.empty() && word[0] != '-') {
    if (command == nullptr) {
      return InvalidArgument("there is no command \"" + word + "\"" + DidYouMean(word, Names(app)) +
                             " (see \"sparsweep --help\")");
    }
    if (const std::optional<Status> unknown = UnknownFlag(*command, argc, argv)) return *unknown;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Parsed{"", command != nullptr ? command->help() : app.help()};
  } catch (const CLI::Success& e) {  // --version
    return Parsed{"", std::string(e.what()) + "\n"};
  } catch (const CLI::ParseError& e) {
    std::string message = e.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    return InvalidArgument(message + " (see \"sparsweep" + (command != nullptr ? " " + word : "") +
                           " --help\")");
  }
  if (app.get_subcommands().empty()) return Parsed{"", app.help()};
  return Parsed{app.get_subcommands().front()->get_name(), ""};
}

}  // namespace sparsweep
