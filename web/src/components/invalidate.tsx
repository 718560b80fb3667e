// Results of a sweep that are not to be believed: which they are, before anything is changed, and the
// values before and after of those that were made stale.
import {useState} from 'preact/hooks';
import {ApiError, invalidateResults, query, type InvalidateResultsResponseJson} from '../api';
import {useLive} from '../live';
import {difference, idOf, int, metricValue, plural} from '../logic/format';
import {Problem, Section} from './common';

const kChoices = [
  {value: 'worker', label: 'of a worker', hint: 'node7', where: (text: string) => `worker = ${quoted(text)}`},
  {value: 'device', label: 'of a device', hint: 'cpu: …', where: (text: string) => `device = ${quoted(text)}`},
  {value: 'version', label: 'of a version', hint: '0.1.0', where: (text: string) => `version = ${quoted(text)}`},
  {value: 'pattern', label: 'of a pattern', hint: 'window(3)', where: (text: string) => `pattern = ${quoted(text)}`},
  {value: 'where', label: 'where (SQL)', hint: "device LIKE 'cpu%' AND seed = 1", where: (text: string) => text},
  {value: 'all', label: 'all of this sweep', hint: '', where: () => 'true'},
];
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

function Selected({found}: {found: InvalidateResultsResponseJson}) {
  const results = found.results ?? [];
  const reopened = (found.reopenedSweeps ?? []).map(idOf).join(', ');
  return (
    <>
      <p class="note" role="status">
        {plural(int(found.total), 'result')} selected{reopened ? `; sweeps that were finished and will be open again: ${reopened}` : ''}.
      </p>
      {results.length > 0 ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Selected results">
          <table>
            <thead><tr><th scope="col" class="number">Trial</th><th scope="col">Attention</th><th scope="col" class="number">Seed</th><th scope="col" class="number">Value</th><th scope="col">Worker</th><th scope="col">Device</th></tr></thead>
            <tbody>
              {results.slice(0, 20).map((one) => (
                <tr key={one.trial}>
                  <td class="number"><a href={`/${one.trial}`}>{idOf(one.trial)}</a></td><td class="plan">{one.canonical}</td><td class="number">{int(one.seed)}</td>
                  <td class="number">{metricValue(Number(one.value ?? 0), one.metric ?? '')}</td><td>{one.worker}</td><td>{one.device}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {int(found.total) > 20 ? <p class="note">The first 20 are listed.</p> : null}
    </>
  );
}

function Form({sweep, onDone}: {sweep: string; onDone: () => void}) {
  const [kind, setKind] = useState('worker');
  const [text, setText] = useState('');
  const [why, setWhy] = useState('');
  const [found, setFound] = useState<InvalidateResultsResponseJson>();
  const [error, setError] = useState<ApiError>();
  const choice = kChoices.find(({value}) => value === kind)!;
  const ask = (validateOnly: boolean) => {
    setError(undefined);
    invalidateResults({where: choice.where(text), parent: sweep, why, validateOnly}).then((answer) => {
      setFound(validateOnly ? answer : undefined);
      if (!validateOnly) onDone();
    }, (problem: unknown) => {
      setFound(undefined);
      setError(ApiError.from(problem));
    });
  };
  const changed = <T,>(set: (value: T) => void) => (value: T) => {
    setFound(undefined);
    set(value);
  };
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      ask(true);
    }}>
      <p class="note">Stale results are kept, and shown beside what their trials give when they have run again.</p>
      <div class="tools">
        <label class="field"><span>Results</span>
          <select value={kind} onChange={(event) => changed(setKind)(event.currentTarget.value)}>
            {kChoices.map(({value, label}) => <option key={value} value={value}>{label}</option>)}
          </select>
        </label>
        {kind === 'all' ? null : (
          <label class="field grow"><span>{choice.value === 'where' ? 'Condition over v_results, and pattern' : 'Which'}</span>
            <input type="text" required value={text} placeholder={choice.hint} spellcheck={false} onInput={(event) => changed(setText)(event.currentTarget.value)} />
          </label>
        )}
        <label class="field grow"><span>Why, for who looks later</span>
          <input type="text" value={why} maxLength={1000} placeholder="its memory was bad" onInput={(event) => setWhy(event.currentTarget.value)} />
        </label>
        <button type="submit">Show which</button>
      </div>
      <Problem error={error} />
      {found ? <Selected found={found} /> : null}
      {found && int(found.total) > 0 ? (
        <p class="confirm"><button type="button" class="danger" onClick={() => ask(false)}>Mark {plural(int(found.total), 'result')} as stale and run again</button>
          <button type="button" onClick={() => setFound(undefined)}>No</button></p>
      ) : null}
    </form>
  );
}

interface Change {
  trial: number;
  canonical: string;
  seed: number;
  metric: string;
  before: number;
  after: number | null;
  why: string;
}

const kChanges = `SELECT p.trial_id, t.canonical, t.seed, p.metric, p.value, r.value, p.why
FROM v_replicates p JOIN v_trials t USING (trial_id) LEFT JOIN v_results r USING (trial_id)
WHERE p.stale AND EXISTS (SELECT 1 FROM cell_trial c WHERE c.trial_id = p.trial_id AND c.sweep_id = ?1)
ORDER BY p.trial_id, p.attempt LIMIT 200`;

function Changes({changes}: {changes: Change[]}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Before and after">
      <table>
        <thead><tr><th scope="col" class="number">Trial</th><th scope="col">Attention</th><th scope="col" class="number">Seed</th><th scope="col" class="number">Before</th><th scope="col" class="number">After</th><th scope="col" class="number">Change</th><th scope="col">Why</th></tr></thead>
        <tbody>
          {changes.map((one, index) => (
            <tr key={`${one.trial} ${index}`}>
              <td class="number"><a href={`/trials/${one.trial}`}>{one.trial}</a></td><td class="plan">{one.canonical}</td><td class="number">{one.seed}</td>
              <td class="number">{metricValue(one.before, one.metric)}</td>
              <td class="number">{one.after === null ? 'to run' : metricValue(one.after, one.metric)}</td>
              <td class="number">{one.after === null ? '' : difference(one.after - one.before, one.metric)}</td><td>{one.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Invalidated({sweep, succeeded, onDone}: {sweep: string; succeeded: number; onDone: () => void}) {
  const {data, error, reload} = useLive<Change[]>(`${sweep}/changes`, async (signal) =>
    (await query(kChanges, [Number(idOf(sweep))], signal)).map((row) => {
      const [trial, canonical, seed, metric, before, after, why] = row as [number, string, number, string, number, number | null, string];
      return {trial, canonical, seed, metric, before, after, why};
    }), (event) => event.type === 'trial' && (!event.sweep || event.sweep === sweep));
  const changes = data ?? [];
  if (succeeded === 0 && changes.length === 0) return null;
  return (
    <Section title="Results to be run again" id="invalidated">
      <Problem error={error} />
      {changes.length > 0 ? <Changes changes={changes} /> : null}
      {succeeded > 0 ? (
        <details class="twin"><summary>Invalidate results</summary><Form sweep={sweep} onDone={() => {
          reload();
          onDone();
        }} /></details>
      ) : null}
    </Section>
  );
}
