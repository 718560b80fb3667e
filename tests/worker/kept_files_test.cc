// What killed workers leave behind, and who removes it.
#include "worker/kept_files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sparsweep {
namespace {

namespace fs = std::filesystem;

class KeptFilesTest : public ::testing::Test {
 protected:
  KeptFilesTest() {
    std::string name = (fs::temp_directory_path() / "sparsweep-XXXXXX").string();
    parent_ = fs::path(mkdtemp(name.data())) / "kept";
  }
  ~KeptFilesTest() override { fs::remove_all(parent_.parent_path()); }
  static void Keep(const fs::path& folder) {
    fs::create_directories(folder / "attempt-1_1");
    std::ofstream(folder / "attempt-1_1" / "model.safetensors") << "weights";
  }
  // A process with a folder of this name. It says so, and is still there.
  pid_t Process(const std::string& incarnation) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      KeptFiles kept(parent_, incarnation);
      Keep(kept.folder());
      if (write(ready[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char said = 0;
    EXPECT_EQ(read(ready[0], &said, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
  }
  static void Kill(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }

  fs::path parent_;
};

TEST_F(KeptFilesTest, AreGoneWithTheirWorker) {
  {
    const KeptFiles kept(parent_, "one");
    Keep(kept.folder());
    EXPECT_TRUE(fs::exists(parent_ / "one" / "attempt-1_1" / "model.safetensors"));
  }
  EXPECT_FALSE(fs::exists(parent_ / "one"));
}

TEST_F(KeptFilesTest, OfAKilledWorkerAreRemovedByTheNext) {
  const pid_t killed = Process("killed"), lives = Process("lives");
  Kill(killed);
  EXPECT_TRUE(fs::exists(parent_ / "killed" / "attempt-1_1"));
  fs::create_directories(parent_ / "somebody-elses");
  const KeptFiles kept(parent_, "next");
  EXPECT_FALSE(fs::exists(parent_ / "killed"));
  EXPECT_TRUE(fs::exists(parent_ / "lives" / "attempt-1_1" / "model.safetensors"));
  EXPECT_TRUE(fs::exists(parent_ / "somebody-elses"));
  EXPECT_TRUE(fs::exists(kept.folder()));
  Kill(lives);
}

TEST_F(KeptFilesTest, FolderThatCannotBeMadeIsNoReasonToStop) {
  const KeptFiles kept("/proc/no-such-folder", "one");
  EXPECT_EQ(kept.folder(), "/proc/no-such-folder/one");
}

}  // namespace
}  // namespace sparsweep
