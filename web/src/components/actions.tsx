// What a person can do to a sweep, a cell, a trial or a worker: buttons that fit its state. What loses
// something is asked about first. A sweep is changed as it was seen: its etag goes along.
import type {ComponentChildren} from 'preact';
import {useState} from 'preact/hooks';
import {
  actOnSweep, actOnTrial, ApiError, deleteSweep, drainWorker, invalidateResults, updateSweep, type CellJson, type SweepAction,
  type SweepJson, type TrialJson, type WorkerJson,
} from '../api';
import {idOf, int, plural, stateName} from '../logic/format';
import {countsOf, Problem} from './common';

export interface Act {
  label: string;
  when: boolean;
  run: () => Promise<unknown>;
  lost?: string;  // what is lost: asked about
}

export function Buttons({acts, onDone, children}: {acts: Act[]; onDone: () => void; children?: ComponentChildren}) {
  const [error, setError] = useState<ApiError>();
  const [asking, setAsking] = useState('');
  const [busy, setBusy] = useState(false);
  const act = ({run}: Act) => {
    setAsking('');
    setError(undefined);
    setBusy(true);
    run().then(onDone, (problem: unknown) => {
      setError(ApiError.from(problem));
      onDone();  // refused as outdated: show what it is now
    }).finally(() => setBusy(false));
  };
  return (
    <>
      <span class="buttons">
        {acts.filter(({when}) => when).map((one) => (
          one.label === asking ? (
            <span key={one.label} class="confirm" role="group" aria-label={`${one.label}?`}>
              {one.lost}
              <button type="button" class="danger" onClick={() => act(one)}>Yes, {one.label.toLowerCase()}</button>
              <button type="button" onClick={() => setAsking('')}>No</button>
            </span>
          ) : <button key={one.label} type="button" disabled={busy} onClick={() => (one.lost ? setAsking(one.label) : act(one))}>{one.label}</button>
        ))}
        {children}
      </span>
      <Problem error={error} />
    </>
  );
}

// In which order a sweep's trials run beside those of others.
function Order({sweep, onDone}: {sweep: SweepJson; onDone: () => void}) {
  const [error, setError] = useState<ApiError>();
  const name = sweep.name ?? '';
  const field = (label: string, title: string, key: 'priority' | 'weight' | 'maxRunning', value: number, min: number, max: number, step: number | 'any') => (
    <label class="field" title={title}>
      <span>{label}</span>
      {/* Not controlled: what is being typed outlives a change elsewhere. */}
      <input key={`${value}`} type="number" min={min} max={max} step={step} defaultValue={`${value}`} onChange={(event) => {
        const input = event.currentTarget;
        if (input.value === '' || !input.reportValidity() || Number(input.value) === value) return;
        setError(undefined);
        updateSweep(name, key, Number(input.value)).then(onDone, (problem: unknown) => setError(ApiError.from(problem)));
      }} />
    </label>
  );
  return (
    <details class="order">
      <summary>Order of its trials</summary>
      <div class="tools">
        {field('Priority', 'Higher first', 'priority', int(sweep.priority), -1000, 1000, 1)}
        {field('Weight', 'Share of the slots among sweeps of equal priority', 'weight', Number(sweep.weight ?? 1), 0.001, 1000, 'any')}
        {field('At once', 'Trials that may run at once; 0: no limit', 'maxRunning', int(sweep.maxRunning), 0, 1_000_000, 1)}
      </div>
      <Problem error={error} />
    </details>
  );
}

const kOpen = ['expanding', 'running', 'paused'];
const kEnded = ['succeeded', 'failed', 'cancelled'];

export function SweepActions({sweep, onDone, onDeleted}: {sweep: SweepJson; onDone: () => void; onDeleted: () => void}) {
  const counts = countsOf(sweep.coverage);
  const name = sweep.name ?? '', etag = sweep.etag ?? '', state = stateName(sweep.state);
  const on = (action: SweepAction) => () => actOnSweep(action, name, etag);
  const open = kOpen.includes(state);
  return (
    <>
      <Buttons onDone={onDone} acts={[
        {label: 'Pause', when: open && state !== 'paused', run: on('Pause')},
        {label: 'Resume', when: state === 'paused' || (open && counts.paused > 0), run: on('Resume')},
        {label: 'Retry', when: (open || state === 'failed') && counts.failed > 0, run: on('Retry')},
        {label: 'Cancel', when: open, run: on('Cancel'), lost: `Cancel ${plural(counts.queued + counts.running, 'trial')}?`},
        {
          label: 'Delete', when: kEnded.includes(state), run: () => deleteSweep(name, etag).then(onDeleted),
          lost: `Delete the sweep and the results that no other sweep holds (of ${plural(counts.succeeded, 'trial')})?`,
        },
      ]} />
      {open ? <Order sweep={sweep} onDone={onDone} /> : null}
    </>
  );
}

// Stale results are kept beside the new ones.
const invalidate = (trials: readonly string[], why: string) => () =>
  invalidateResults({where: `trial_id IN (${trials.map(idOf).join(', ')})`, why});
const kInvalidated = 'invalidated in the dashboard';

export function CellActions({sweep, cell, onDone}: {sweep: SweepJson; cell: CellJson; onDone: () => void}) {
  const id = int(cell.cell);
  const trials = cell.trials ?? [];
  const [succeeded, failed, running, paused, cancelled] =
    [cell.succeeded ?? 0, cell.failed ?? 0, cell.running ?? 0, cell.paused ?? 0, cell.cancelled ?? 0];
  const queued = trials.length - succeeded - failed - running - cancelled;
  const on = (action: SweepAction) => () => actOnSweep(action, sweep.name ?? '', sweep.etag, [id]);
  return (
    <Buttons onDone={onDone} acts={[
      {label: 'Pause cell', when: queued + running > paused, run: on('Pause')},
      {label: 'Resume cell', when: paused > 0, run: on('Resume')},
      {label: 'Retry cell', when: failed + cancelled > 0, run: on('Retry')},
      {label: 'Cancel cell', when: queued + running > 0, run: on('Cancel'), lost: `Cancel ${plural(queued + running, 'trial')} of cell ${id}?`},
      {
        label: 'Invalidate cell', when: succeeded > 0, run: invalidate(trials, kInvalidated),
        lost: `Mark ${plural(succeeded, 'result')} as stale, in every sweep that holds ${succeeded === 1 ? 'it' : 'them'}, and run again?`,
      },
    ]} />
  );
}

export function TrialActions({trial, onDone}: {trial: TrialJson; onDone: () => void}) {
  const name = trial.name ?? '', state = stateName(trial.state);
  const on = (action: SweepAction) => () => actOnTrial(action, name);
  const waits = state === 'queued' || state === 'running';
  const paused = trial.pausedBy?.length ?? 0;
  return (
    <Buttons onDone={onDone} acts={[
      {label: 'Pause', when: waits && paused < (trial.sweeps?.length ?? 0), run: on('Pause')},
      {label: 'Resume', when: waits && paused > 0, run: on('Resume')},
      {label: 'Cancel', when: waits, run: on('Cancel'), lost: 'Cancel it for every sweep that wants it?'},
      {label: 'Retry', when: state === 'failed' || state === 'cancelled', run: on('Retry')},
      {
        label: 'Invalidate', when: state === 'succeeded', run: invalidate([name], kInvalidated),
        lost: 'Mark the result as stale, in every sweep that holds it, and run the trial again?',
      },
    ]} />
  );
}

export function WorkerActions({worker, onDone}: {worker: WorkerJson; onDone: () => void}) {
  const name = worker.name ?? '', drained = worker.drainRequested ?? false;
  const here = !['lost', 'left'].includes(worker.state ?? '');
  return (
    <Buttons onDone={onDone} acts={[
      {label: 'Drain', when: here && !drained, run: () => drainWorker(name, false)},
      {label: 'Take back', when: drained, run: () => drainWorker(name, true)},
    ]} />
  );
}
