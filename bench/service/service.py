#!/usr/bin/env python3
"""What the server holds, as a real process with load from outside: a grid of a million cells, a restart with it in the
database, metric points, a thousand idle workers, and a query that is held open.

  $SPARSWEEP_PYTHON bench/service/service.py [grid] [restart] [remove] [points] [idle] [wal]      default: all, in this order

Needs the Python environment of the tests (scripts/bootstrap) and a built sparsweep ($SPARSWEEP_BUILD_DIR, build/release).
`restart` and `remove` use the database that `grid` leaves. Every line says what was measured; the machine is named first."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("SPARSWEEP_BUILD_DIR", "build/release") / "bin/sparsweep"
RESULT = (ROOT / "bench/dispatch/recorded_result.json").read_text(encoding="utf-8")
TICKS = os.sysconf("SC_CLK_TCK")


def stubs(folder):
    """The generated modules of proto/."""
    protos = sorted((ROOT / "proto").rglob("sparsweep/v1/*.proto"))
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", f"--python_out={folder}",
                    f"--grpc_python_out={folder}", *map(str, protos)], check=True)
    sys.path.insert(0, str(folder))
    from sparsweep.v1 import query_pb2, query_pb2_grpc, sweep_pb2, sweep_pb2_grpc, worker_pb2, worker_pb2_grpc
    globals().update(locals())


def quantile(values, q):
    values = sorted(values)
    return values[int(q * (len(values) - 1))]


class Server:
    def __init__(self, db):
        self.db = db
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [PROGRAM, "server", "--db", db, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], stdout=subprocess.PIPE,
            text=True)
        lines = [self.process.stdout.readline() for _ in range(3)]
        self.address = re.search(r"gRPC\s+(\S+)", "".join(lines)).group(1)

    def channel(self, number=0):
        """A connection of its own for each number."""
        return grpc.insecure_channel(self.address, options=[("grpc.channel_id", number)])

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak(self):
        """Megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()


def spec(name, **fields):
    message = sweep_pb2.SweepSpec(name=name, model="bert-tiny", attention=fields.pop("attention", "dense"))
    message.task.string_value = "sentences3k"
    for axis, values in fields.pop("axes").items():
        message.axes[axis] = values
    message.seeds.number_value = fields.pop("seeds", 1)
    return sweep_pb2.CreateSweepRequest(spec=message)


def rates(n, step=1e-6):
    return [round(step * (i + 1), 9) for i in range(n)]


def sync(worker, sequence, slots, hold_ms=0):
    return worker_pb2.SyncRequest(worker=worker, incarnation="1", sequence=sequence, slots=slots, hold_ms=hold_ms,
                                  protocol_version=1)


def wait_expanded(sweeps, name):
    while True:
        sweep = sweeps.GetSweep(sweep_pb2.GetSweepRequest(name=name))
        if sweep.state != sweep_pb2.SWEEP_STATE_EXPANDING:
            return sweep
        time.sleep(0.05)


class Probe(threading.Thread):
    """A worker without slots that syncs all the time: what everyone else feels."""

    def __init__(self, server):
        super().__init__()
        self.stub = worker_pb2_grpc.WorkerServiceStub(server.channel(1))
        self.done, self.trips = threading.Event(), []
        self.start()

    def run(self):
        sequence = 0
        while not self.done.is_set():
            sequence += 1
            start = time.monotonic()
            self.stub.Sync(sync("probe", sequence, 0))
            self.trips.append(1e3 * (time.monotonic() - start))
            time.sleep(0.005)

    def end(self):
        self.done.set()
        self.join()
        return (f"Sync meanwhile p50 {quantile(self.trips, 0.5):.1f}, p99 {quantile(self.trips, 0.99):.1f}, most "
                f"{max(self.trips):.1f} ms ({len(self.trips)})")


def grid(db):
    server = Server(db)
    sweeps = sweep_pb2_grpc.SweepServiceStub(server.channel())
    request = spec("million", attention="global($g) + window($w)",
                   axes={"g": list(range(10)), "w": list(range(10)), "learning_rate": rates(100),
                         "weight_decay": rates(100, 1e-4)})
    probe = Probe(server)
    start = time.monotonic()
    name = sweeps.CreateSweep(request).name
    answered = time.monotonic() - start
    sweep = wait_expanded(sweeps, name)
    took = time.monotonic() - start
    print(f"grid: {sweep.coverage.cells} cells, {sweep.coverage.trials} trials expanded, checked and stored in {took:.1f} s "
          f"(created after {answered:.2f} s); server's peak memory {server.peak():.0f} MB, CPU {server.cpu():.1f} s; "
          f"{probe.end()}; database {os.path.getsize(db) / 1e6:.0f} MB, log {os.path.getsize(db + '-wal') / 1e6:.0f} MB")
    server.end(signal.SIGKILL)


def restart(db):
    server = Server(db)
    query_pb2_grpc.QueryServiceStub(server.channel()).Query(query_pb2.QueryRequest(sql="SELECT 1"))
    serving = time.monotonic() - server.started
    workers = worker_pb2_grpc.WorkerServiceStub(server.channel())
    sequence = 1
    while not workers.Sync(sync("first", sequence, 1, 1000)).run:
        sequence += 1
    scheduling = time.monotonic() - server.started
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    trials = connection.execute("SELECT count(*) FROM trial").fetchone()[0]
    connection.close()
    print(f"restart after kill -9 with {trials} trials in the database: serving after {serving:.2f} s, first lease after "
          f"{scheduling:.2f} s; peak memory {server.peak():.0f} MB")
    server.end()


def remove(db):
    """Cancels the million, then deletes it."""
    server = Server(db)
    sweeps = sweep_pb2_grpc.SweepServiceStub(server.channel())
    name = sweeps.ListSweeps(sweep_pb2.ListSweepsRequest()).sweeps[0].name
    worker_pb2_grpc.WorkerServiceStub(server.channel()).Sync(sync("first", 1, 0))  # it schedules
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)

    def ask(what, call, left):
        probe = Probe(server)
        start = time.monotonic()
        call()
        answered = time.monotonic() - start
        while connection.execute(left).fetchone()[0]:
            time.sleep(0.2)
        print(f"remove: {what} answered after {answered:.2f} s, all rows done after {time.monotonic() - start:.1f} s; "
              f"{probe.end()}", flush=True)

    ask("cancelling the sweep", lambda: sweeps.CancelSweep(sweep_pb2.CancelSweepRequest(name=name)),
        "SELECT EXISTS (SELECT 1 FROM trial WHERE id = (SELECT max(id) FROM trial) AND state = 'queued')")
    ask("deleting it", lambda: sweeps.DeleteSweep(sweep_pb2.DeleteSweepRequest(name=name)),
        "SELECT EXISTS (SELECT 1 FROM sweep)")
    connection.close()
    server.end()


def points(db):
    server = Server(db)
    sweeps = sweep_pb2_grpc.SweepServiceStub(server.channel())
    wait_expanded(sweeps, sweeps.CreateSweep(spec("points", axes={"learning_rate": rates(200)})).name)
    calls = []  # per worker: serialized Syncs of 16 running attempts with 60 new points each
    slots, each, rounds = 16, 60, 40
    for number in range(8):
        stub = worker_pb2_grpc.WorkerServiceStub(server.channel(number))
        run = stub.Sync(sync(f"w{number}", 1, slots)).run
        requests = []
        for sequence in range(2, rounds + 2):
            request = sync(f"w{number}", sequence, slots)
            for assignment in run:
                running = request.running.add(attempt=assignment.attempt, step=sequence, steps=1000)
                for point in range(each):
                    running.metrics.add(name="train/loss", step=sequence * each + point, epoch=0.5, value=0.123456789)
            requests.append(request.SerializeToString())
        calls.append((server.channel(100 + number), requests))
    trips = []

    def send(channel, requests):
        call = channel.unary_unary("/sparsweep.v1.WorkerService/Sync")
        for request in requests:
            start = time.monotonic()
            call(request)
            trips.append(1e3 * (time.monotonic() - start))

    threads = [threading.Thread(target=send, args=one) for one in calls]
    start, cpu = time.monotonic(), server.cpu()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - start, server.cpu() - cpu
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    stored = connection.execute("SELECT count(*) FROM metric").fetchone()[0]
    connection.close()
    print(f"points: {stored} metric points of 8 workers x {slots} attempts stored in {took:.2f} s: {stored / took:.0f}/s, "
          f"{stored / cpu:.0f} per second of server CPU; Sync of {slots * each} points p50 {quantile(trips, 0.5):.1f} ms")
    server.end()


def idle(db, connected=1000, seconds=20):
    server = Server(db)
    ended = threading.Event()
    answered = [0]

    def hold(number):
        call = worker_pb2_grpc.WorkerServiceStub(server.channel(number)).Sync
        sequence = [0]

        def again(_=None):
            if ended.is_set():
                return
            answered[0] += 1
            sequence[0] += 1
            call.future(sync(f"idle-{number}", sequence[0], 4, 10_000)).add_done_callback(again)

        again()

    for number in range(connected):
        hold(number)
    time.sleep(12)  # all have connected and are held
    before, cpu = answered[0], server.cpu()
    time.sleep(seconds)
    cpu, calls = server.cpu() - cpu, answered[0] - before
    print(f"idle: {connected} workers connected and held, {calls / seconds:.0f} Syncs/s: the server uses "
          f"{100 * cpu / seconds:.1f} % of a core over {seconds} s")
    ended.set()
    server.end(signal.SIGKILL)


def wal(db, seconds=30):
    server = Server(db)
    sweeps = sweep_pb2_grpc.SweepServiceStub(server.channel())
    wait_expanded(sweeps, sweeps.CreateSweep(spec("wal", axes={"learning_rate": rates(1000)}, seeds=200)).name)
    stop = threading.Event()
    cycles, largest, answers = [0], [0], []

    def work(number):
        stub = worker_pb2_grpc.WorkerServiceStub(server.channel(number))
        request, sequence = sync(f"w{number}", 1, 16), 1
        while not stop.is_set():
            response = stub.Sync(request)
            cycles[0] += len(response.acknowledged)
            sequence += 1
            request = sync(f"w{number}", sequence, 16)
            for assignment in response.run:
                request.ended.add(attempt=assignment.attempt, result_json=RESULT)

    def query():
        stub = query_pb2_grpc.QueryServiceStub(server.channel(50))
        slow = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT max(i) FROM n, (SELECT count(*) FROM v_trials)")
        while not stop.is_set():
            start = time.monotonic()
            try:
                stub.Query(query_pb2.QueryRequest(sql=slow))
            except grpc.RpcError as error:
                answers.append((time.monotonic() - start, error.details()))

    def watch():
        while not stop.is_set():
            largest[0] = max(largest[0], os.path.getsize(db + "-wal"))
            time.sleep(0.02)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=query), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"wal: {cycles[0] / seconds:.0f} cycles/s beside queries that hold the log (ended after "
          f"{max(a[0] for a in answers):.1f} s at most: {answers[0][1]!r}): the log had at most "
          f"{largest[0] / 2**20:.0f} MiB")
    server.end(signal.SIGKILL)


def main():
    wanted = sys.argv[1:] or ["grid", "restart", "remove", "points", "idle", "wal"]
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8")).group(1)
    print(f"measured on {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; load and server share "
          f"the machine")
    with tempfile.TemporaryDirectory(prefix="sparsweep-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        os.makedirs(f"{folder}/stubs")
        stubs(f"{folder}/stubs")
        for name in wanted:
            globals()[name](f"{folder}/{'grid' if name in ('restart', 'remove') else name}.db")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
