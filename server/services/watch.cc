// WatchEvents: what happened after an event, from the log, then what happens, from the feed.
//
// The feed is subscribed before the log is read, and rows of the feed that the log had already are
// skipped, so nothing is missed or told twice.
#include <mutex>

#include "server/services/local_api.h"
#include "server/services/messages.h"

namespace sparsweep {
namespace {

constexpr int64_t kReplayPage = 1000;

bool IsEnd(const EventRow& row, SweepId sweep) {
  return row.type == "sweep" && row.sweep == sweep &&
         (row.state == "succeeded" || row.state == "failed" || row.state == "cancelled");
}

class Watch : public Subscription, public std::enable_shared_from_this<Watch> {
 public:
  using Events = std::vector<v1::WatchEventsResponse>;

  Watch(const LocalApi::Parts& parts, SweepId sweep, int64_t after)
      : parts_(parts), sweep_(sweep), after_(after), queue_(parts.feed.Subscribe(sweep)) {}
  ~Watch() override { queue_->Drop(); }

  void Next(Reply<Events> reply) override {
    if (over_) return reply(Events());
    if (live_) return TakeLive(std::move(reply));
    Replay(std::move(reply));
  }

 private:
  struct Page {
    std::vector<EventRow> rows;
    int64_t last = 0;        // of the whole log
    bool sweep_over = false;
    bool only_reset = false;  // `after` is beyond the log: another database
  };

  void Replay(Reply<Events> reply) {
    parts_.readers.Read<Page>(
        [sweep = sweep_, after = after_](Database& db) -> Result<Page> {
          Page page;
          page.last = ReadLastEvent(db);
          if (sweep != 0) {
            const std::optional<SweepRow> row = ReadSweep(db, sweep);
            if (!row) return NoSweep(sweep);
            page.sweep_over = row->ended_at.has_value();
          }
          page.only_reset = after > page.last;
          if (after >= 0 && !page.only_reset) {
            page.rows = ReadEvents(db, sweep, after, page.last, kReplayPage);
          }
          return page;
        },
        [weak = weak_from_this(), reply = std::move(reply)](Result<Page> page) {
          const auto self = weak.lock();
          if (self == nullptr) return;
          if (!page.ok()) {
            self->over_ = true;
            return reply(page.status());
          }
          self->TakeReplayed(*std::move(page), reply);
        });
  }

  void TakeReplayed(Page page, const Reply<Events>& reply) {
    Events events;
    if (page.only_reset) {
      EventRow reset;
      reset.type = "reset";
      reset.id = page.last;
      events.push_back(ToMessage(reset));
    }
    for (const EventRow& row : page.rows) events.push_back(ToMessage(row));
    if (static_cast<int64_t>(page.rows.size()) == kReplayPage) {
      after_ = page.rows.back().id;
      return reply(std::move(events));
    }
    live_ = true;
    after_ = page.last;
    over_ = page.sweep_over || parts_.loop == nullptr;
    if (!events.empty() || over_) return reply(std::move(events));
    TakeLive(reply);
  }

  void TakeLive(Reply<Events> reply) {
    queue_->Take([weak = weak_from_this(), reply = std::move(reply)](FeedQueue::Rows rows) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      if (rows.empty()) {
        self->over_ = true;
        return reply(Events());
      }
      Events events;
      for (const EventRow& row : rows) {
        if (row.id != 0 && row.id <= self->after_) continue;
        events.push_back(ToMessage(row));
        if (self->sweep_ != 0 && IsEnd(row, self->sweep_)) self->over_ = true;
      }
      if (events.empty() && !self->over_) return self->TakeLive(reply);
      reply(std::move(events));
    });
  }

  const LocalApi::Parts parts_;
  const SweepId sweep_;
  int64_t after_;  // the last event that was told
  bool live_ = false;
  bool over_ = false;
  std::shared_ptr<FeedQueue> queue_;
};

class Refused : public Subscription {
 public:
  explicit Refused(Status status) : status_(std::move(status)) {}
  void Next(Reply<std::vector<v1::WatchEventsResponse>> reply) override { reply(status_); }

 private:
  const Status status_;
};

}  // namespace

std::shared_ptr<Subscription> LocalApi::Subscribe(const v1::WatchEventsRequest& request) {
  SweepId sweep = 0;
  if (!request.parent().empty()) {
    const Result<SweepId> id = ParseSweepName(request.parent(), "parent");
    if (!id.ok()) return std::make_shared<Refused>(id.status());
    sweep = *id;
  }
  return std::make_shared<Watch>(parts_, sweep, request.after_event());
}

}  // namespace sparsweep
