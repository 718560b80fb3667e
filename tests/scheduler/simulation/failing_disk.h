// SQLite's disk, made to fail on demand: the files are real, and a write or sync of the calling
// thread says that the disk is full or broken. Each thread has its own disk.
#pragma once

namespace sparsweep::testing {

class FailingDisk {
 public:
  // From then on for all connections of the program; again is harmless.
  static void Install();
  // After so many writes more, but at the latest when something is to be synced, the disk is full,
  // and stays full until Mend. What was written before lies in the files.
  static void Fill(int writes);
  // The next sync fails, once.
  static void FailSync();
  static void Mend();
};

}  // namespace sparsweep::testing
