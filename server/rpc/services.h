// The services as gRPC's callback API wants them: every handler hands the request to the Api with a
// reply that finishes the call. Handlers run on gRPC's two threads and never block.
#pragma once

#include <grpcpp/grpcpp.h>

#include "server/api.h"
#include "server/rpc/status.h"
#include "sparsweep/v1/database.grpc.pb.h"
#include "sparsweep/v1/query.grpc.pb.h"
#include "sparsweep/v1/sweep.grpc.pb.h"
#include "sparsweep/v1/trial.grpc.pb.h"
#include "sparsweep/v1/worker.grpc.pb.h"

namespace sparsweep {

using UnaryCall = grpc::ServerUnaryReactor;
using CallContext = grpc::CallbackServerContext;

// One line per method: NAME(Request, Response).
#define SPARSWEEP_UNARY(method, request_type, response_type)                            \
  UnaryCall* method(CallContext* context, const v1::request_type* request,              \
                    response_type* response) override {                                 \
    return Answer(context, request, response, &Api::method);                            \
  }

class ServiceBase {
 protected:
  explicit ServiceBase(Api& api) : api_(api) {}

  template <typename Request, typename Response>
  UnaryCall* Answer(CallContext* context, const Request* request, Response* response,
                    void (Api::*method)(const Request&, Reply<Response>)) {
    UnaryCall* call = context->DefaultReactor();
    (api_.*method)(*request, [call, response](Result<Response> result) {
      Finish(call, response, std::move(result));
    });
    return call;
  }
  template <typename Response>
  static void Finish(UnaryCall* call, Response* response, Result<Response> result) {
    if (!result.ok()) return call->Finish(ToGrpc(result.status()));
    *response = *std::move(result);
    call->Finish(grpc::Status::OK);
  }

  Api& api_;
};

class SweepRpc : public v1::SweepService::CallbackService, ServiceBase {
 public:
  explicit SweepRpc(Api& api) : ServiceBase(api) {}
  SPARSWEEP_UNARY(CreateSweep, CreateSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(GetSweep, GetSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(ListSweeps, ListSweepsRequest, v1::ListSweepsResponse)
  SPARSWEEP_UNARY(PreviewSweep, PreviewSweepRequest, v1::PreviewSweepResponse)
  SPARSWEEP_UNARY(ListCells, ListCellsRequest, v1::ListCellsResponse)
  SPARSWEEP_UNARY(CancelSweep, CancelSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(PauseSweep, PauseSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(ResumeSweep, ResumeSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(RetrySweep, RetrySweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(UpdateSweep, UpdateSweepRequest, v1::Sweep)
  SPARSWEEP_UNARY(DeleteSweep, DeleteSweepRequest, google::protobuf::Empty)
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      CallContext* context, const v1::WatchEventsRequest* request) override;
};

class TrialRpc : public v1::TrialService::CallbackService, ServiceBase {
 public:
  explicit TrialRpc(Api& api) : ServiceBase(api) {}
  SPARSWEEP_UNARY(GetTrial, GetTrialRequest, v1::Trial)
  SPARSWEEP_UNARY(ListTrials, ListTrialsRequest, v1::ListTrialsResponse)
  SPARSWEEP_UNARY(GetTrialLog, GetTrialLogRequest, v1::GetTrialLogResponse)
  SPARSWEEP_UNARY(ListTrialMetrics, ListTrialMetricsRequest, v1::ListTrialMetricsResponse)
  SPARSWEEP_UNARY(GetTrialMask, GetTrialMaskRequest, v1::TrialMask)
  SPARSWEEP_UNARY(CancelTrial, CancelTrialRequest, v1::Trial)
  SPARSWEEP_UNARY(PauseTrial, PauseTrialRequest, v1::Trial)
  SPARSWEEP_UNARY(ResumeTrial, ResumeTrialRequest, v1::Trial)
  SPARSWEEP_UNARY(RetryTrial, RetryTrialRequest, v1::Trial)
  SPARSWEEP_UNARY(InvalidateResults, InvalidateResultsRequest, v1::InvalidateResultsResponse)
};

class WorkerRpc : public v1::WorkerService::CallbackService, ServiceBase {
 public:
  explicit WorkerRpc(Api& api) : ServiceBase(api) {}
  UnaryCall* Sync(CallContext* context, const v1::SyncRequest* request,
                  v1::SyncResponse* response) override;
  SPARSWEEP_UNARY(ListWorkers, ListWorkersRequest, v1::ListWorkersResponse)
  SPARSWEEP_UNARY(DrainWorker, DrainWorkerRequest, v1::Worker)
  grpc::ServerReadReactor<v1::PutBlobRequest>* PutBlob(CallContext* context,
                                                       v1::PutBlobResponse* response) override;
  grpc::ServerWriteReactor<v1::GetBlobResponse>* GetBlob(
      CallContext* context, const v1::GetBlobRequest* request) override;
};

class QueryRpc : public v1::QueryService::CallbackService, ServiceBase {
 public:
  explicit QueryRpc(Api& api) : ServiceBase(api) {}
  SPARSWEEP_UNARY(Query, QueryRequest, v1::QueryResponse)
};

class DatabaseRpc : public v1::DatabaseService::CallbackService, ServiceBase {
 public:
  explicit DatabaseRpc(Api& api) : ServiceBase(api) {}
  SPARSWEEP_UNARY(BackUpDatabase, BackUpDatabaseRequest, v1::BackUpDatabaseResponse)
};

#undef SPARSWEEP_UNARY

}  // namespace sparsweep
