"""A server that cannot start says why: port in use, database locked, newer, or none at all."""

import os
import socket
import sqlite3

from harness import E2eTest, main, tiny_sweep


class ServerFaults(E2eTest):
    def server(self, db="other.db", listen="127.0.0.1:0", http="127.0.0.1:0"):
        return self.run_cli("server", "--db", db, "--listen", listen, "--http", http, limit=30)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refused(self.server(listen=address), address)
            self.refused(self.server(http=address), address)

    def test_a_database_that_another_server_has(self):
        self.start_server(db="shared.db")
        self.refused(self.server(db="shared.db"), "shared.db")
        # Reading beside it is fine.
        listed = self.run_cli("list", "--db", "shared.db")
        self.assertEqual(listed.returncode, 0, listed.stderr)

    def test_a_database_of_a_newer_version(self):
        path = os.path.join(self.folder, "newer.db")
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 999")
        connection.commit()
        connection.close()
        self.refused(self.server(db="newer.db"), "newer.db", "newer")

    def test_a_file_that_is_no_database(self):
        self.write("text.db", "this is not a database, only text that is long enough\n" * 40)
        self.refused(self.server(db="text.db"), "text.db")

    def test_a_folder_that_is_not_there(self):
        self.refused(self.server(db="nowhere/x.db"), "nowhere")

    def test_run_takes_another_port_where_the_default_is_in_use(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": ["dense"]}))
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 7071))
                taken.listen(1)
            except OSError:
                pass  # someone else has it: as good
            run = self.run_cli("run", "sweep.json")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("dashboard  http://127.0.0.1:", run.stdout)
        self.assertNotIn("http://127.0.0.1:7071/", run.stdout)


if __name__ == "__main__":
    main()
