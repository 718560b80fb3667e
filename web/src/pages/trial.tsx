// One trial: what ran, what came out, its log, and its masks.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {getTrial, getTrialLog, listMetrics, type TrialJson} from '../api';
import {TrialActions} from '../components/actions';
import {Problem, Section, State, useNow, useTitle} from '../components/common';
import {Curves} from '../components/curves';
import {Degrees} from '../components/degrees';
import {PlanView} from '../components/masks';
import {useLive} from '../live';
import {ago, bytes, count, density, duration, idOf, int, metricValue, percent, scaleOf, stateName} from '../logic/format';

type Json = Record<string, unknown>;
const number = (object: Json, name: string): number | undefined =>
  typeof object[name] === 'number' ? (object[name] as number) : undefined;

const metricUnit = (name: string): string => scaleOf(name).unit && ` ${scaleOf(name).unit}`;

function Tiles({trial}: {trial: TrialJson}) {
  const result = (trial.result ?? {}) as Json;
  const metrics = (result['metrics'] ?? {}) as Json;
  const tiles: [string, string][] = Object.keys(metrics).sort().map((name) =>
    [name, `${metricValue(number(metrics, name), name)}${metricUnit(name)}`]);
  tiles.push(
    ['density', density(number(result, 'density'))],
    ['tile sparsity', percent(number(result, 'tile_sparsity'))],
    ['training', duration(number(result, 'train_seconds'))],
    ['evaluation', duration(number(result, 'eval_seconds'))],
    ['peak memory', bytes(number(result, 'peak_bytes'))],
  );
  const parsed = number(result, 'parsed_share');
  if (parsed !== undefined) tiles.push(['parsed sentences', percent(parsed)]);
  return <dl class="tiles">{tiles.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

// What the trainer found worth a warning about this plan at the real lengths.
function Warnings({result}: {result: Json}) {
  const warnings = Array.isArray(result['warnings']) ? (result['warnings'] as unknown[]).map(String) : [];
  if (warnings.length === 0) return null;
  return <ul class="warnings" aria-label="Warnings">{warnings.map((warning) => <li key={warning}>{warning}</li>)}</ul>;
}

// Nested values as one flat table: training.learning_rate.
function flatten(object: Json, prefix = ''): [string, string][] {
  return Object.entries(object).flatMap(([name, value]): [string, string][] =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? flatten(value as Json, `${prefix}${name}.`)
      : [[prefix + name, typeof value === 'string' ? value : JSON.stringify(value)]]);
}

function Spec({trial}: {trial: TrialJson}) {
  return (
    <details>
      <summary>All values of this trial</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Values of the trial">
        <table>
          <tbody>
            {[['identity', trial.identity ?? ''] as [string, string], ...flatten((trial.spec ?? {}) as Json).filter(([name]) => name !== 'identity')].map(([name, value]) => (
              <tr key={name}><th scope="row">{name}</th><td><code>{value}</code></td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Attempts({trial}: {trial: TrialJson}) {
  const now = useNow();
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Attempts, table">
      <table>
        <thead><tr><th scope="col" class="number">#</th><th scope="col">State</th><th scope="col">Worker</th><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Reason</th></tr></thead>
        <tbody>
          {(trial.attempts ?? []).map((attempt) => (
            <tr key={attempt.number}>
              <td class="number">{attempt.number}</td><td><State name={attempt.state ?? ''} /></td><td>{attempt.worker}</td>
              <td>{ago(attempt.startTime, now)}</td>
              <td>{attempt.startTime && attempt.endTime ? duration((Date.parse(attempt.endTime) - Date.parse(attempt.startTime)) / 1000) : '–'}</td>
              <td>{[attempt.reason, attempt.message].filter(Boolean).join(': ') || '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// The newest attempt's log, appended to as it grows.
function Log({trial}: {trial: TrialJson}) {
  const name = trial.name ?? '';
  const attempt = trial.attempts?.at(-1)?.number ?? 0;
  const seen = useRef({text: '', offset: '0'});
  const box = useRef<HTMLPreElement>(null);
  const [follow, setFollow] = useState(true);
  const {data, error} = useLive(`log ${name} ${attempt}`, async (signal) => {
    if (attempt === 0) return '';
    const part = await getTrialLog(name, attempt, seen.current.offset, signal);
    if (!signal.aborted && part.text) seen.current = {text: seen.current.text + part.text, offset: part.nextOffset ?? '0'};
    return seen.current.text;
  }, (event) => event.trial === name);
  useEffect(() => {
    seen.current = {text: '', offset: '0'};
  }, [name, attempt]);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [data, follow]);
  return (
    <>
      <Problem error={error} />
      {data ? (
        <>
          <label class="check"><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} /> Follow the end</label>
          <pre class="log" ref={box} tabIndex={0} role="region" aria-label="Text of the log">{data}</pre>
        </>
      ) : <p class="note">{trial.attempts?.at(-1)?.endTime ? 'The trainer wrote nothing.' : 'Nothing was written yet.'}</p>}
    </>
  );
}

export function TrialPage({name}: {name: string}) {
  useTitle(`Trial ${idOf(name)}`);
  const mine = (event: {trial?: string}) => event.trial === name;
  const trial = useLive(name, (signal) => getTrial(name, signal), mine);
  const metrics = useLive(`${name}/metrics`, (signal) => listMetrics(name, -1, signal), mine);
  const points = metrics.data?.points;
  const traces = useMemo(() => [{label: `trial ${idOf(name)}`, color: 0, seed: 0, points: points ?? []}], [points, name]);
  const data = trial.data;
  if (!data) return <><h1>{trial.error ? 'No such trial' : `Trial ${idOf(name)}`}</h1><Problem error={trial.error} /></>;
  const state = stateName(data.state);
  return (
    <>
      <header class="sweep-head">
        <p class="crumbs"><a href="/">Sweeps</a>{(data.sweeps ?? []).map((sweep) => <span key={sweep}> / <a href={`/${sweep}`}>{idOf(sweep)}</a></span>)} / trial {idOf(name)}</p>
        <div class="card-head">
          <h1><code>{data.canonical}</code></h1>
          <State name={state} />
          <TrialActions trial={data} onDone={trial.reload} />
        </div>
        {state === 'failed' ? <p class="problem">{[data.reason, data.message].filter(Boolean).join(': ')}</p> : null}
        <p class="spec" role="status">
          {state === 'running' && int(data.steps) > 0 ? <span>step {count(int(data.step))} of {count(int(data.steps))}</span> : null}
          <span>seed {int(data.seed)}</span>
          {data.maskSeed === undefined ? null : <span>mask seed {int(data.maskSeed)}</span>}
          <span>model <code>{data.model}</code></span>
          <span>task <code>{data.task}</code></span>
          {data.pausedBy?.length ? <span>paused in {data.pausedBy.map((sweep) => `sweep ${idOf(sweep)}`).join(', ')}</span> : null}
          {data.origin ? <span>run for <a href={`/${data.origin}`}>sweep {idOf(data.origin)}</a></span> : null}
          {(data.replicates ?? []).map((one) => (
            <span key={one.attempt}>{one.stale ? 'stale' : 'also'}: {metricValue(Number(one.value), '')} (attempt {one.attempt}{one.why ? `, ${one.why}` : ''})</span>
          ))}
        </p>
      </header>
      {data.result ? <Tiles trial={data} /> : null}
      <Warnings result={(data.result ?? {}) as Json} />
      <Section title="Masks" id="masks">
        <PlanView trial={data} />
      </Section>
      {(data.degrees?.length ?? 0) > 0 ? <Section title="Learned degrees" id="degrees"><Degrees trial={data} /></Section> : null}
      <Section title="Learning curve" id="curve"><Problem error={metrics.error} /><Curves traces={traces} /></Section>
      <Section title="Attempts" id="attempts"><Attempts trial={data} /></Section>
      <Section title="Log" id="log"><Log trial={data} /></Section>
      <Spec trial={data} />
    </>
  );
}
