// What a person can do to a sweep or a trial: buttons that fit its state. What loses something is
// asked about first. A sweep is changed as it was seen: its etag goes along.
import type {ComponentChildren} from 'preact';
import {useState} from 'preact/hooks';
import {actOnSweep, actOnTrial, ApiError, deleteSweep, setPriority, type SweepAction, type SweepJson, type TrialJson} from '../api';
import {int, plural, stateName} from '../logic/format';
import {countsOf, Problem} from './common';

interface Act {
  label: string;
  from: string[];
  run: () => Promise<unknown>;
  lost?: string;  // what is lost: asked about
  when?: boolean;
}

function Buttons({acts, state, onDone, children}: {acts: Act[]; state: string; onDone: () => void; children?: ComponentChildren}) {
  const [error, setError] = useState<ApiError>();
  const [asking, setAsking] = useState('');
  const act = ({run}: Act) => {
    setAsking('');
    setError(undefined);
    run().then(onDone, (problem: unknown) => setError(ApiError.from(problem)));
  };
  return (
    <>
      <span class="buttons">
        {acts.filter(({from, when}) => from.includes(state) && (when ?? true)).map((one) => (
          one.label === asking ? (
            <span key={one.label} class="confirm" role="group" aria-label={`${one.label}?`}>
              {one.lost}
              <button type="button" class="danger" onClick={() => act(one)}>Yes, {one.label.toLowerCase()}</button>
              <button type="button" onClick={() => setAsking('')}>No</button>
            </span>
          ) : <button key={one.label} type="button" onClick={() => (one.lost ? setAsking(one.label) : act(one))}>{one.label}</button>
        ))}
        {children}
      </span>
      <Problem error={error} />
    </>
  );
}

const kOpen = ['expanding', 'running', 'paused'];
const kEnded = ['succeeded', 'failed', 'cancelled'];

export function SweepActions({sweep, onDone, onDeleted}: {sweep: SweepJson; onDone: () => void; onDeleted: () => void}) {
  const counts = countsOf(sweep.coverage);
  const name = sweep.name ?? '', etag = sweep.etag ?? '', state = stateName(sweep.state);
  const on = (action: SweepAction) => () => actOnSweep(action, name, etag);
  const priority = int(sweep.priority);
  const acts: Act[] = [
    {label: 'Pause', from: ['expanding', 'running'], run: on('Pause')},
    {label: 'Resume', from: ['paused'], run: on('Resume')},
    {label: 'Retry', from: [...kOpen, 'failed'], when: int(sweep.coverage?.failed) > 0, run: on('Retry')},
    {label: 'Cancel', from: kOpen, run: on('Cancel'), lost: `Cancel ${plural(counts.queued + counts.running, 'trial')}?`},
    {
      label: 'Delete', from: kEnded, run: () => deleteSweep(name, etag).then(onDeleted),
      lost: `Delete the sweep and the results that no other sweep holds (of ${plural(int(sweep.coverage?.succeeded), 'trial')})?`,
    },
  ];
  return (
    <Buttons acts={acts} state={state} onDone={onDone}>
      {kOpen.includes(state) ? (
        <label class="priority">Priority{' '}
          <input type="number" min={-1000} max={1000} value={priority} onChange={(event) => {
            const value = Number(event.currentTarget.value);
            if (Number.isInteger(value) && value !== priority) void setPriority(name, value, etag).then(onDone, onDone);
          }} />
        </label>
      ) : null}
    </Buttons>
  );
}

export function TrialActions({trial, onDone}: {trial: TrialJson; onDone: () => void}) {
  const name = trial.name ?? '';
  const acts: Act[] = [
    {label: 'Cancel', from: ['queued', 'running'], run: () => actOnTrial('Cancel', name), lost: 'Cancel it for every sweep that wants it?'},
    {label: 'Retry', from: ['failed', 'cancelled'], run: () => actOnTrial('Retry', name)},
  ];
  return <Buttons acts={acts} state={stateName(trial.state)} onDone={onDone} />;
}
