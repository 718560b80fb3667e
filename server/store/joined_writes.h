// The frames of a commit in one write: SQLite hands the write-ahead log a page and its header at a
// time, some thirty system calls before every fdatasync.
//
// They are kept until something looks at the file or syncs it, so an error of the disk is the sync's:
// the commit fails as it would have. Only for the log of a connection with synchronous = FULL, where a
// commit is synced before any other connection learns of its frames. The connection's thread.
#pragma once

#include "server/store/sqlite.h"

namespace sparsweep {

// Of a database in WAL mode, once; until the connection is closed.
void JoinLogWrites(Database& db);

}  // namespace sparsweep
