// The worker processes and what their slots do.
import {listWorkers, type WorkerJson} from '../api';
import {WorkerActions} from '../components/actions';
import {Line, Problem, State, useNow, useTitle} from '../components/common';
import {useLive} from '../live';
import {ago, axisText, bytes, count, idOf, int, plural} from '../logic/format';

// What a worker says of itself, the known things first and readable; anything else as it is.
function labelTexts(labels: Record<string, unknown>): [string, string][] {
  const {host, devices, cores, memory_bytes: memory, threads_per_slot: threads, versions, ...rest} = labels;
  const texts: [string, string][] = [];
  const add = (name: string, value: unknown) => value !== undefined && texts.push([name, axisText(value)]);
  add('host', host);
  if (Array.isArray(devices)) {
    delete rest['cpu'];  // among the devices
    add('devices', (devices as Record<string, unknown>[]).map((device) =>
      [device['name'], device['kind'], device['bf16'] === true ? 'bf16' : ''].filter(Boolean).join(', ')).join('; '));
  } else {
    add('devices', devices);
  }
  add('cores', cores);
  if (memory !== undefined) add('memory', bytes(Number(memory)));
  add('threads per slot', threads);
  if (versions !== null && typeof versions === 'object') {
    add('versions', Object.entries(versions).map(([name, version]) => `${name} ${String(version)}`).join(', '));
  }
  for (const [name, value] of Object.entries(rest)) add(name, value);
  return texts;
}

function Row({worker, now, onDone}: {worker: WorkerJson; now: number; onDone: () => void}) {
  const labels = labelTexts((worker.labels ?? {}) as Record<string, unknown>);
  const slots = worker.slots ?? 0;
  const busy = worker.busy ?? 0;
  // One that takes no more offers no slots.
  const occupied = slots > 0 ? `${busy} of ${plural(slots, 'slot')} busy` : busy > 0 ? `${plural(busy, 'trial')} left to finish` : 'nothing runs';
  return (
    <li class="card" data-worker={worker.name}>
      <div class="card-head">
        <h2>{worker.name}</h2>
        <State name={worker.state ?? 'unknown'} />
        <WorkerActions worker={worker} onDone={onDone} />
      </div>
      <Line items={[occupied, `seen ${ago(worker.lastSeenTime, now)}`, worker.drainRequested === true && 'is given nothing new']} />
      {(worker.tasks ?? []).map((task) => {
        const [step, steps] = [int(task.step), int(task.steps)];
        const id = idOf(task.trial);
        return (
          <p class="task" key={`${task.trial} ${task.attempt}`}>
            <a href={`/${task.trial}`}>trial {id}</a>
            <progress value={step} max={Math.max(1, steps)} aria-label={`Progress of trial ${id}`} />
            <span class="note">{steps > 0 ? `${count(step)} / ${count(steps)} steps` : 'starting'}</span>
          </p>
        );
      })}
      {labels.length > 0 ? (
        <dl class="facts">{labels.map(([name, text]) => <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl>
      ) : null}
    </li>
  );
}

export function WorkersPage() {
  useTitle('Workers');
  const now = useNow();
  const {data, error, reload} = useLive('workers', (signal) => listWorkers(signal), (event) => event.type !== 'sweep');
  const workers = data?.workers ?? [];
  return (
    <>
      <h1>Workers</h1>
      <Problem error={error} />
      {data && workers.length === 0 ? (
        <div class="empty">
          <p>No worker yet. Start one on any machine that reaches this server.</p>
          <pre>sparsweep worker --server HOST:PORT --slots 2</pre>
        </div>
      ) : null}
      <ul class="cards">{workers.map((worker) => <Row key={worker.name} worker={worker} now={now} onDone={reload} />)}</ul>
    </>
  );
}
