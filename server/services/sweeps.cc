// SweepService: submitting and looking (server/services/local_api.h).
#include <boost/algorithm/string/replace.hpp>

#include "core/sha256.h"
#include "proto/convert.h"
#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr size_t kMaxSpecBytes = 1 << 20;

v1::Sweep MakeSweep(Database& db, const Progress& progress, const SweepRow& row) {
  const auto counted = progress.CoverageOf(row.id);
  const bool active = !row.ended_at.has_value();
  return ToMessage(row, counted ? *counted : ReadCoverage(db, row.id),
                   active ? ReadPace(db, row.id, UnixMs()) : PaceRow(),
                   active ? ReadPaused(db, row.id) : 0);
}

// A trial that must run on one kind of device needs a worker that offers it.
SweepOptions OptionsOf(const SweepSpec& spec) {
  const auto seconds = [](double value) {
    return std::chrono::ceil<Duration>(std::chrono::duration<double>(value));
  };
  SweepOptions options;
  options.priority = spec.priority;
  options.weight = spec.weight;
  options.max_running = spec.max_running;
  options.needs.memory_bytes = spec.needs.memory_bytes;
  options.needs.device = spec.needs.device;
  if (options.needs.device.empty() && spec.device != "auto") options.needs.device = spec.device;
  options.needs.labels = spec.needs.labels;
  options.time_limit = seconds(spec.time_limit);
  options.idle_limit = seconds(spec.idle_limit);
  options.max_failed_share = spec.max_failed_share;
  // What is measured depends on the machine: alone on its worker, never taken over.
  const bool measures = spec.kind == "profile" || spec.kind == "infer";
  options.needs.exclusive = measures;
  options.fresh = spec.fresh || measures;
  return options;
}

// "best:SWEEP" is settled now, once: what is stored, shown and expanded names the trial. One that
// cannot be is left to the grid, whose complaint names its field.
void SettleModels(Resolver& resolver, SweepSpec* spec) {
  const auto settled = [&](const std::string& name) {
    if (!name.starts_with("best:")) return name;
    const Result<ResolvedModel> model = resolver.Model(name);
    return model.ok() ? model->name : name;
  };
  spec->model = settled(spec->model);
  for (Axis& axis : spec->axes) {
    if (axis.name != "model") continue;
    for (AxisValue& value : axis.values) {
      auto* written = std::get_if<std::string>(&value);
      if (written == nullptr) continue;
      const std::string name = settled(*written);
      for (const char* quote : {"'", "\""}) {
        for (std::string& where : spec->where) {
          boost::replace_all(where, quote + *written + quote, quote + name + quote);
        }
      }
      *written = name;
    }
  }
}

struct Submission {
  SweepSpec spec;
  std::string json;
};

Result<Submission> Validate(const v1::SweepSpec& message, Resolver& resolver) {
  if (message.ByteSizeLong() > kMaxSpecBytes) {
    return InvalidField("spec", "the sweep has more than 1 MiB; split it");
  }
  Result<SweepSpec> spec = SweepSpecFromProto(message);
  if (!spec.ok()) return WithPrefix("spec", spec.status());
  SettleModels(resolver, &*spec);
  const Result<Grid> grid = Grid::Make(*spec, resolver);
  if (!grid.ok()) return WithPrefix("spec", grid.status());
  std::string json = SweepSpecToJson(*spec);
  return Submission{*std::move(spec), std::move(json)};
}

}  // namespace

void LocalApi::AnswerSweep(SweepId id, Reply<v1::Sweep> reply) {
  parts_.readers.Read<v1::Sweep>(
      [id, progress = &parts_.progress](Database& db) -> Result<v1::Sweep> {
        const std::optional<SweepRow> row = ReadSweep(db, id);
        if (!row) return NoSweep(id);
        return MakeSweep(db, *progress, *row);
      },
      std::move(reply));
}

void LocalApi::CreateSweep(const v1::CreateSweepRequest& request, Reply<v1::Sweep> reply) {
  if (parts_.loop == nullptr) return reply(ReadOnly());
  if (Status status = CheckRequestId(request.request_id()); !status.ok()) return reply(status);
  // Names are looked up and files hashed: not on the caller's thread.
  parts_.readers.Submit([this, request, reply = std::move(reply)](ReaderPool::Connections&) {
    Result<Submission> submission = Validate(request.spec(), parts_.resolver);
    if (!submission.ok()) return reply(submission.status());
    SweepSubmitted submitted;
    submitted.name = submission->spec.name;
    submitted.spec_digest = Sha256Hex(submission->json);
    submitted.spec_json = std::move(submission->json);
    submitted.options = OptionsOf(submission->spec);
    PersonsRequest persons;
    persons.id = request.request_id();
    persons.digest = submitted.spec_digest;
    Ask(std::move(submitted), std::move(persons), [this, reply](Result<Outcome> outcome) {
      if (!outcome.ok()) return reply(outcome.status());
      AnswerSweep(outcome->sweep, reply);
    });
  });
}

void LocalApi::GetSweep(const v1::GetSweepRequest& request, Reply<v1::Sweep> reply) {
  const Result<SweepId> id = ParseSweepName(request.name(), "name");
  if (!id.ok()) return reply(id.status());
  AnswerSweep(*id, std::move(reply));
}

void LocalApi::ListSweeps(const v1::ListSweepsRequest& request,
                          Reply<v1::ListSweepsResponse> reply) {
  const Result<int64_t> size = PageSize(request.page_size(), 50, 1000);
  if (!size.ok()) return reply(size.status());
  const Result<int64_t> before = ParsePageToken(request.page_token(), 0);
  if (!before.ok()) return reply(before.status());
  parts_.readers.Read<v1::ListSweepsResponse>(
      [size = *size, before = *before,
       progress = &parts_.progress](Database& db) -> Result<v1::ListSweepsResponse> {
        const std::vector<SweepRow> rows = ReadSweeps(db, before, size + 1);
        v1::ListSweepsResponse response;
        for (const SweepRow& row : rows) {
          if (response.sweeps_size() == size) {
            response.set_next_page_token(std::to_string(rows[size - 1].id));
            break;
          }
          *response.add_sweeps() = MakeSweep(db, *progress, row);
        }
        return response;
      },
      std::move(reply));
}

}  // namespace sparsweep
