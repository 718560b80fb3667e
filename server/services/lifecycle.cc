// What people ask of sweeps, trials and workers that are under way (server/services/local_api.h).
// A request is turned into the scheduler's event; that it is answered once, and refused where it
// speaks of an older sweep, is the loop's part (PersonsRequest).
#include <google/protobuf/util/field_mask_util.h>

#include "core/sha256.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr int kMaxChosen = 100'000;

template <typename Request>
PersonsRequest Persons(const Request& request) {
  PersonsRequest persons;
  persons.id = request.request_id();
  persons.digest =
      Sha256Hex(Request::descriptor()->full_name() + "\n" + request.SerializeAsString());
  return persons;
}

// What of a sweep is meant: cells become their trials.
Result<TrialChoice> Choose(Database& db, SweepId sweep, const std::vector<int64_t>& cells,
                           const std::vector<TrialId>& trials) {
  std::set<TrialId> chosen(trials.begin(), trials.end());
  for (size_t i = 0; i < cells.size(); ++i) {
    Statement read =
        db.Prepare("SELECT trial_id FROM cell_trial WHERE sweep_id = ?1 AND cell = ?2");
    read.Bind(sweep, cells[i]);
    bool any = false;
    while (read.Step()) any |= chosen.insert(read.Int(0)).first != chosen.end();
    if (!any && !ReadSweep(db, sweep)) return NoSweep(sweep);
    if (!any) {
      return InvalidField("cells[" + std::to_string(i) + "]",
                          "there is no cell " + std::to_string(cells[i]) + " in " +
                              SweepName(sweep) + "; list its cells");
    }
  }
  return TrialChoice(std::vector<TrialId>(chosen.begin(), chosen.end()));
}

Result<FailureReason> ReasonNamed(const std::string& name, int index) {
  if (const auto reason = ParseFailureReason(name)) return *reason;
  return InvalidField("reasons[" + std::to_string(index) + "]",
                      "\"" + name.substr(0, 100) +
                          "\" is no failure reason; one of out_of_memory, diverged, data, "
                          "attestation, timeout, crashed, lost, refused, interrupted");
}

}  // namespace

void LocalApi::Ask(Event event, PersonsRequest request,
                   std::function<void(Result<Outcome>)> reply) {
  if (parts_.loop == nullptr) return reply(ReadOnly());
  if (Status status = CheckRequestId(request.id); !status.ok()) return reply(status);
  Posted posted;
  posted.event = std::move(event);
  posted.request = std::move(request);
  posted.reply = std::move(reply);
  parts_.loop->Post(std::move(posted));
}

template <typename Request>
void LocalApi::ChangeSweep(const Request& request,
                           std::function<Event(SweepId, TrialChoice)> event,
                           Reply<v1::Sweep> reply) {
  const Result<SweepId> id = ParseSweepName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  PersonsRequest persons = Persons(request);
  persons.sweep = *id;
  persons.etag = request.etag();
  const auto answer = [this, id = *id, reply](Result<Outcome> outcome) {
    if (!outcome.ok()) return reply(outcome.status());
    AnswerSweep(id, reply);
  };
  if (request.cells().empty() && request.trials().empty()) {
    return Ask(event(*id, std::nullopt), std::move(persons), answer);
  }
  if (request.cells_size() + request.trials_size() > kMaxChosen) {
    return reply(InvalidField("cells", "at most " + std::to_string(kMaxChosen) +
                                           " cells and trials at once"));
  }
  std::vector<TrialId> trials;
  for (int i = 0; i < request.trials_size(); ++i) {
    const Result<TrialId> trial =
        ParseTrialName(request.trials(i), "trials[" + std::to_string(i) + "]");
    if (!trial.ok()) return reply(trial.status());
    trials.push_back(*trial);
  }
  parts_.readers.Read<TrialChoice>(
      [id = *id, trials = std::move(trials),
       cells = std::vector<int64_t>(request.cells().begin(), request.cells().end())](
          Database& db) { return Choose(db, id, cells, trials); },
      [this, id = *id, event = std::move(event), persons = std::move(persons), answer,
       reply](Result<TrialChoice> chosen) {
        if (!chosen.ok()) return reply(chosen.status());
        Ask(event(id, *std::move(chosen)), persons, answer);
      });
}

void LocalApi::CancelSweep(const v1::CancelSweepRequest& request, Reply<v1::Sweep> reply) {
  ChangeSweep(
      request, [](SweepId id, TrialChoice trials) { return SweepCancelRequested{id, trials}; },
      std::move(reply));
}
void LocalApi::PauseSweep(const v1::PauseSweepRequest& request, Reply<v1::Sweep> reply) {
  ChangeSweep(
      request, [](SweepId id, TrialChoice trials) { return SweepPauseRequested{id, trials}; },
      std::move(reply));
}
void LocalApi::ResumeSweep(const v1::ResumeSweepRequest& request, Reply<v1::Sweep> reply) {
  ChangeSweep(
      request, [](SweepId id, TrialChoice trials) { return SweepResumeRequested{id, trials}; },
      std::move(reply));
}
void LocalApi::RetrySweep(const v1::RetrySweepRequest& request, Reply<v1::Sweep> reply) {
  std::vector<FailureReason> reasons;
  for (int i = 0; i < request.reasons_size(); ++i) {
    const Result<FailureReason> reason = ReasonNamed(request.reasons(i), i);
    if (!reason.ok()) return reply(reason.status());
    reasons.push_back(*reason);
  }
  ChangeSweep(
      request,
      [reasons](SweepId id, TrialChoice trials) {
        return SweepRetryRequested{id, reasons, trials};
      },
      std::move(reply));
}

void LocalApi::UpdateSweep(const v1::UpdateSweepRequest& request, Reply<v1::Sweep> reply) {
  const v1::Sweep& sweep = request.sweep();
  const Result<SweepId> id = ParseSweepName(sweep.name(), "sweep.name");
  if (!id.ok()) return reply(id.status());
  std::vector<std::string> paths(request.update_mask().paths().begin(),
                                 request.update_mask().paths().end());
  if (paths.empty()) {
    if (sweep.priority() != 0) paths.push_back("priority");
    if (sweep.weight() != 0) paths.push_back("weight");
    if (sweep.max_running() != 0) paths.push_back("max_running");
  }
  SweepReprioritised event{*id};
  for (const std::string& path : paths) {
    if (path == "priority") {
      event.priority = sweep.priority();
    } else if (path == "weight") {
      event.weight = sweep.weight();
    } else if (path == "max_running") {
      event.max_running = sweep.max_running();
    } else {
      return reply(InvalidField("update_mask", "\"" + path.substr(0, 100) +
                                                   "\" cannot be changed; priority, weight and "
                                                   "max_running can"));
    }
  }
  if (event.priority && (*event.priority < -1000 || *event.priority > 1000)) {
    return reply(InvalidField("sweep.priority", "priority " + std::to_string(*event.priority) +
                                                    " is not within -1000 .. 1000"));
  }
  if (event.weight && !(*event.weight >= 0.001 && *event.weight <= 1000)) {
    return reply(InvalidField("sweep.weight", "weight is not within 0.001 .. 1000"));
  }
  if (event.max_running && *event.max_running < 0) {
    return reply(InvalidField("sweep.max_running", "max_running must not be negative"));
  }
  PersonsRequest persons = Persons(request);
  persons.sweep = *id;
  persons.etag = sweep.etag();
  Ask(event, std::move(persons), [this, id = *id, reply](Result<Outcome> outcome) {
    if (!outcome.ok()) return reply(outcome.status());
    AnswerSweep(id, reply);
  });
}

void LocalApi::DeleteSweep(const v1::DeleteSweepRequest& request,
                           Reply<google::protobuf::Empty> reply) {
  const Result<SweepId> id = ParseSweepName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  PersonsRequest persons = Persons(request);
  persons.sweep = *id;
  persons.etag = request.etag();
  Ask(SweepDeleteRequested{*id}, std::move(persons), [reply](Result<Outcome> outcome) {
    if (!outcome.ok()) return reply(outcome.status());
    reply(google::protobuf::Empty());
  });
}

template <typename Request>
void LocalApi::ChangeTrial(const Request& request, const std::function<Event(TrialId)>& event,
                           Reply<v1::Trial> reply) {
  const Result<TrialId> id = ParseTrialName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  Ask(event(*id), Persons(request), [this, id = *id, reply](Result<Outcome> outcome) {
    if (!outcome.ok()) return reply(outcome.status());
    AnswerTrial(id, reply);
  });
}

void LocalApi::CancelTrial(const v1::CancelTrialRequest& request, Reply<v1::Trial> reply) {
  ChangeTrial(request, [](TrialId id) { return TrialCancelRequested{id}; }, std::move(reply));
}
void LocalApi::PauseTrial(const v1::PauseTrialRequest& request, Reply<v1::Trial> reply) {
  ChangeTrial(request, [](TrialId id) { return TrialPauseRequested{id}; }, std::move(reply));
}
void LocalApi::ResumeTrial(const v1::ResumeTrialRequest& request, Reply<v1::Trial> reply) {
  ChangeTrial(request, [](TrialId id) { return TrialResumeRequested{id}; }, std::move(reply));
}
void LocalApi::RetryTrial(const v1::RetryTrialRequest& request, Reply<v1::Trial> reply) {
  ChangeTrial(request, [](TrialId id) { return TrialRetryRequested{id}; }, std::move(reply));
}

void LocalApi::DrainWorker(const v1::DrainWorkerRequest& request, Reply<v1::Worker> reply) {
  Ask(WorkerDrainRequested{request.name(), !request.undo()}, Persons(request),
      [this, name = request.name(), reply](Result<Outcome> outcome) {
        if (!outcome.ok()) return reply(outcome.status());
        AnswerWorker(name, reply);
      });
}

}  // namespace sparsweep
