// The API in Connect's unary JSON form. Types come from proto/ (generate.mjs); fields that have
// their default value are absent in JSON, and 64-bit numbers are strings.
import type {
  CellJson, ListCellsResponseJson, ListSweepsResponseJson, SweepJson,
} from './gen/sparsweep/v1/sweep_pb';
import type {
  GetTrialLogResponseJson, ListTrialsResponseJson, InvalidateResultsRequestJson, InvalidateResultsResponseJson, ListTrialMetricsResponseJson, TrialJson, TrialMaskJson,
} from './gen/sparsweep/v1/trial_pb';
import type {QueryResponseJson} from './gen/sparsweep/v1/query_pb';
import type {ListWorkersResponseJson, WorkerJson} from './gen/sparsweep/v1/worker_pb';

export type {CellJson, InvalidateResultsResponseJson, SweepJson, TrialJson, TrialMaskJson, WorkerJson};
export type {CoverageJson} from './gen/sparsweep/v1/sweep_pb';
export type {DegreeRowJson, MaskPictureJson, MaskRowJson, MetricPointJson} from './gen/sparsweep/v1/trial_pb';

interface ConnectError {
  code?: string;
  message?: string;
}

export class ApiError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
  static from(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    return new ApiError('unavailable', 'The server does not answer. Is it still running?');
  }
}

async function call<T>(method: string, request: object, signal?: AbortSignal): Promise<T> {
  const response = await fetch(`/sparsweep.v1.${method}`, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'Connect-Protocol-Version': '1'},
    body: JSON.stringify(request),
    ...(signal ? {signal} : {}),
  });
  if (response.ok) return (await response.json()) as T;
  const error = (await response.json().catch(() => ({}))) as ConnectError;
  throw new ApiError(error.code ?? 'unknown', error.message ?? `The server answered ${response.status}.`);
}

export const getSweep = (name: string, signal?: AbortSignal) =>
  call<SweepJson>('SweepService/GetSweep', {name}, signal);
export const listSweeps = (signal?: AbortSignal) =>
  call<ListSweepsResponseJson>('SweepService/ListSweeps', {pageSize: 200}, signal);
export type SweepAction = 'Cancel' | 'Pause' | 'Resume' | 'Retry';
const requestId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
// All of it, or these cells alone.
export const actOnSweep = (action: SweepAction, name: string, etag = '', cells: readonly number[] = []) =>
  call<SweepJson>(`SweepService/${action}Sweep`, {name, etag, cells: cells.map(String), requestId: requestId()});
export const retryFailed = (name: string, etag: string, reason: string) =>
  call<SweepJson>('SweepService/RetrySweep', {name, etag, reasons: [reason], requestId: requestId()});
export const listFailed = (parent: string, pageSize: number, signal?: AbortSignal) =>
  call<ListTrialsResponseJson>('TrialService/ListTrials', {parent, state: 'TRIAL_STATE_FAILED', pageSize}, signal);
export const deleteSweep = (name: string, etag = '') =>
  call<object>('SweepService/DeleteSweep', {name, etag, requestId: requestId()});
// Sets one number, whatever it was: no etag.
export const updateSweep = (name: string, field: 'priority' | 'weight' | 'maxRunning', value: number) =>
  call<SweepJson>('SweepService/UpdateSweep', {sweep: {name, [field]: value}, updateMask: field, requestId: requestId()});
export const actOnTrial = (action: SweepAction, name: string) =>
  call<TrialJson>(`TrialService/${action}Trial`, {name, requestId: requestId()});
export const invalidateResults = (request: InvalidateResultsRequestJson) =>
  call<InvalidateResultsResponseJson>('TrialService/InvalidateResults', {...request, ...(request.validateOnly ? {} : {requestId: requestId()})});
export const query = async (sql: string, parameters: readonly (number | string)[], signal?: AbortSignal) =>
  (await call<QueryResponseJson>('QueryService/Query', {sql, parameters}, signal)).rows ?? [];

export const getTrial = (name: string, signal?: AbortSignal) =>
  call<TrialJson>('TrialService/GetTrial', {name}, signal);
export const getTrialLog = (name: string, attempt: number, offset: string, signal?: AbortSignal) =>
  call<GetTrialLogResponseJson>('TrialService/GetTrialLog', {name, attempt, offset}, signal);
export const listMetrics = (parent: string, afterStep: number, signal?: AbortSignal) =>
  call<ListTrialMetricsResponseJson>('TrialService/ListTrialMetrics', {parent, afterStep: `${afterStep}`}, signal);
// Of a length, or of the tokens of a text.
export const getTrialMask = (name: string, of: {length?: number; example?: string; text?: string; textPair?: string}, signal?: AbortSignal) =>
  call<TrialMaskJson>('TrialService/GetTrialMask', {name, ...of}, signal);

export const listWorkers = (signal?: AbortSignal) =>
  call<ListWorkersResponseJson>('WorkerService/ListWorkers', {}, signal);
export const drainWorker = (name: string, undo: boolean) =>
  call<WorkerJson>('WorkerService/DrainWorker', {name, undo, requestId: requestId()});

const kFirstPage = 200;
const kPage = 1000;

// All cells of a sweep; the first page is handed over at once, so that something is on the screen.
export async function loadCells(
  parent: string, signal: AbortSignal, partial: (cells: CellJson[]) => void,
): Promise<CellJson[]> {
  const cells: CellJson[] = [];
  let pageToken = '';
  do {
    const pageSize = pageToken === '' ? kFirstPage : kPage;
    const page = await call<ListCellsResponseJson>('SweepService/ListCells', {parent, pageSize, pageToken}, signal);
    if (pageToken === '' && page.nextPageToken) partial(page.cells ?? []);
    cells.push(...(page.cells ?? []));
    pageToken = page.nextPageToken ?? '';
  } while (pageToken !== '');
  return cells;
}
