// The command line of what changes sweeps under way, and of the file: see cli_commands.h.
#include "client/cli_commands.h"

namespace sparsweep {
namespace {

// A request that is sent again with the same id is answered as the first time.
void AddRequest(Commands& c, Options& o) {
  c.current()->add_option("--request-id", o.request_id,
                          "Repeating a request with the same id changes nothing more");
}

}  // namespace

void AddLifecycle(Commands& c, Options& o) {
  for (const auto& [name, what, more] :
       {std::tuple{"cancel", "Stop a sweep, or some of it; results stay",
                   "  sparsweep cancel trials/17\n"},
        std::tuple{"pause", "Start no more trials of a sweep; what runs is finished",
                   "  sparsweep pause quickstart --cell 3 --cell 4\n"},
        std::tuple{"resume", "Go on with what was paused",
                   "  sparsweep resume quickstart --cell 3\n"},
        std::tuple{"retry", "Queue failed trials again",
                   "  sparsweep retry 3 --reason lost --reason timeout\n"
                   "  sparsweep retry 3 --trial 17\n"}}) {
    const std::string examples = std::string("  sparsweep ") + name + " 3\n" + more;
    c.Add(name, what, examples.c_str());
    c.Subject("sweep", "Number or name; trials/N: that trial, for every sweep", true).Read().Json();
    for (const auto& [flag, list, help] :
         {std::tuple{"--cell", &o.cells, "Only this cell (again for more)"},
          std::tuple{"--trial", &o.trials, "Only this trial (again for more)"}}) {
      c.current()->add_option(flag, *list, help)->type_name("N")->allow_extra_args(false);
    }
    if (std::string(name) == "retry") {
      c.current()
          ->add_option("--reason", o.reasons, "Only trials that failed for it (again for more)")
          ->type_name("NAME")
          ->allow_extra_args(false)
          ->check(CLI::IsMember({"out_of_memory", "diverged", "data", "attestation", "timeout",
                                 "crashed", "lost", "refused", "interrupted"}));
    }
    c.current()->add_option("--etag", o.etag, "Refuse if the sweep has changed since");
    AddRequest(c, o);
  }

  c.Add("update", "Change the order in which a sweep's trials run",
        "  sparsweep update 3 --priority 10\n  sparsweep update 3 --weight 2 --max-running 4\n");
  c.Subject("sweep", "Number or name", true).Read().Json();
  c.current()
      ->add_option("--priority", o.priority, "Higher first")
      ->check(CLI::Range(int64_t{-1000}, int64_t{1000}));
  c.current()
      ->add_option("--weight", o.weight, "Share among sweeps of equal priority")
      ->check(CLI::Range(0.001, 1000.0));
  c.current()
      ->add_option("--max-running", o.max_running, "Trials at once; 0: no limit")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}));
  c.current()->add_option("--etag", o.etag, "Refuse if the sweep has changed since");
  AddRequest(c, o);

  c.Add("delete", "Forget a sweep, with the trials that no other sweep holds, and their results",
        "  sparsweep delete 3\n  sparsweep delete 3 --yes\n");
  c.Subject("sweep", "Number or name", true).Read();
  c.current()->add_flag("-y,--yes", o.yes, "Do not ask");
  c.current()->add_option("--etag", o.etag, "Refuse if the sweep has changed since");
  AddRequest(c, o);

  c.Add("invalidate", "Mark results as stale and run their trials again",
        "  sparsweep invalidate --where \"worker = 'node7'\" --dry-run\n"
        "  sparsweep invalidate --where \"pattern = 'window(3)'\" --sweep 3 --why \"bad disk\"\n"
        "  sparsweep invalidate --changes\n");
  c.Read().Json();
  c.current()
      ->add_option("--where", o.where, "Condition over the columns of v_results, and pattern")
      ->type_name("SQL");
  c.current()->add_option("--sweep", o.sweep, "Only results that this sweep holds");
  c.current()->add_option("--why", o.why, "Shown at the trials")->type_name("TEXT");
  c.current()->add_flag("-n,--dry-run", o.dry_run, "Only say which, and what it would reopen");
  c.current()->add_flag("--changes", o.changes, "Values before and after, of all that was stale");
  c.current()->add_flag("-y,--yes", o.yes, "Do not ask");
  AddRequest(c, o);

  c.Add("drain", "Give a worker nothing new; what it runs is finished",
        "  sparsweep drain node7\n  sparsweep drain node7 --undo\n");
  c.Subject("worker", "Name of the worker", true).Server().Json();
  c.current()->add_flag("--undo", o.undo, "Take it back into service");
  AddRequest(c, o);
}

void AddFile(Commands& c, Options& o) {
  c.Add("backup", "Copy the database, also while a server writes it",
        "  sparsweep backup results-monday.db\n"
        "  sparsweep backup copy.db --db results.db\n");
  c.Subject("file", "New file; with --server it is on the server's machine", true).Read().Json();

  c.Add("verify", "Prove from the database alone that sweeps are complete and unaltered",
        "  sparsweep verify\n"
        "  sparsweep verify 3 --db results.db\n"
        "  sparsweep verify --with-trainer\n"
        "  sparsweep verify all --json | jq .findings\n");
  c.Subject("sweep", "Number, name or all (default: all)", false)
      .Db("Database file (sparsweep.db), also while a server has it")
      .Data()
      .Json();
  c.current()->add_flag("--with-trainer", o.with_trainer,
                        "Recompute masks of texts too: needs the trainer, models and data");
  c.current()
      ->add_option("--trainer", o.trainer, "The sparsweep-trainer program, with --with-trainer")
      ->type_name("FILE");
  c.current()
      ->add_option("--limit", o.limit, "Findings to list (1000); all are counted")
      ->check(CLI::Range(1, 1'000'000));
}

}  // namespace sparsweep
