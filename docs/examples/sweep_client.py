#!/usr/bin/env python3
"""Submits a sweep over gRPC, waits for it, and prints what each attention pattern costs.

    python -m venv env && env/bin/pip install grpcio grpcio-tools
    env/bin/python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs proto/sparsweep/v1/*.proto
    PYTHONPATH=stubs env/bin/python docs/examples/sweep_client.py 127.0.0.1:7070 sweeps/quickstart.json
"""
import json
import re
import sys

import grpc
from google.protobuf import json_format
from sparsweep.v1 import query_pb2, query_pb2_grpc, sweep_pb2, sweep_pb2_grpc


def read_sweep(path):
    """A sweep file is the SweepSpec message in JSON, with // comments."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', lambda m: m.group(1) or "", open(path, encoding="utf-8").read())
    return json_format.ParseDict(json.loads(text), sweep_pb2.SweepSpec())


def main(server, path):
    channel = grpc.insecure_channel(server)
    sweeps = sweep_pb2_grpc.SweepServiceStub(channel)
    queries = query_pb2_grpc.QueryServiceStub(channel)

    sweep = sweeps.CreateSweep(sweep_pb2.CreateSweepRequest(spec=read_sweep(path)))
    print(f"submitted {sweep.name}")
    for change in sweeps.WatchEvents(sweep_pb2.WatchEventsRequest(parent=sweep.name)):
        if change.type == "trial" and change.state in ("succeeded", "failed"):
            print(f"  {change.trial} {change.state}")

    sweep = sweeps.GetSweep(sweep_pb2.GetSweepRequest(name=sweep.name))
    print(f"{sweep_pb2.SweepState.Name(sweep.state)}: {sweep.coverage.succeeded} of {sweep.coverage.trials} trials")
    for cell in sweeps.ListCells(sweep_pb2.ListCellsRequest(parent=sweep.name)).cells:
        mean = f"{100 * cell.mean:5.1f} %" if cell.HasField("mean") else "     -"
        print(f"  {mean}  {cell.attention}")

    rows = queries.Query(query_pb2.QueryRequest(
        sql="SELECT count(*), round(avg(density), 3) FROM v_results WHERE attestation_root <> ''")).rows
    print("attested results, mean density:", *json_format.MessageToDict(rows[0]))
    return 0 if sweep.state == sweep_pb2.SWEEP_STATE_SUCCEEDED else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
