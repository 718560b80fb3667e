// The digest of a sweep that has ended is of the sweep as it is, whatever changes meanwhile.
#include "server/loop/digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/store/result_digest.h"
#include "tests/server/harness.h"

namespace sparsweep {
namespace {

using ::testing::ElementsAre;

TEST(Digests, OneThatAChangeOvertakesIsMadeAgain) {
  const TempFolder folder;
  TestServer server(folder / "a.db");
  Api& api = *server.api;
  const std::string name = Create(api, R"("attention": "dense", "seeds": 2)")->name();
  Expanded(api, name);
  FakeWorker worker(api, "w", 2);
  ASSERT_TRUE(worker.Sync().ok());
  ASSERT_TRUE(worker.FinishAll(0.5).ok());
  ASSERT_EQ(Get(api, name).state(), v1::SWEEP_STATE_SUCCEEDED);
  const auto readers = *ReaderPool::Open(folder / "a.db", 1);
  Loop& loop = *server.loop;
  const auto until_read = [&] {
    std::promise<void> read;
    readers->Submit([&](ReaderPool::Connections&) { read.set_value(); });
    read.get_future().wait();
  };
  const auto write = [&](std::function<Status(Writer&)> body) {
    auto done = std::make_shared<std::promise<void>>();
    Posted posted;
    posted.write = std::move(body);
    posted.reply = [done](Result<Outcome>) { done->set_value(); };
    loop.Post(std::move(posted));
    return done->get_future();
  };
  std::promise<void> go_on;
  auto held = write([&](Writer&) { return go_on.get_future().wait(), Status(); });
  Posted update;
  update.event = SweepReprioritised{.sweep = 1, .priority = 7};
  loop.Post(std::move(update));
  StoreDigest(*readers, loop, 1);
  until_read();  // of the sweep as it was
  go_on.set_value();
  held.wait();
  write([](Writer&) { return Status(); }).wait();  // the digest came too late
  until_read();
  write([](Writer&) { return Status(); }).wait();
  EXPECT_EQ(Get(api, name).priority(), 7);
  EXPECT_THAT(Rows(api, "SELECT result_digest FROM sweep"),
              ElementsAre(ResultDigest(server.file->db(), 1)));
}

}  // namespace
}  // namespace sparsweep
