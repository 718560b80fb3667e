// The trials of a sweep that failed, and why; those of one reason are queued again together.
import {listFailed, retryFailed, type SweepJson} from '../api';
import {useLive} from '../live';
import {idOf, int} from '../logic/format';
import {Buttons} from './actions';
import {Problem, Section} from './common';

const kListed = 50;

export function Failures({sweep, onDone}: {sweep: SweepJson; onDone: () => void}) {
  const name = sweep.name ?? '';
  const failed = int(sweep.coverage?.failed);
  const {data, error} = useLive(`${name}/failed ${failed}`, async (signal) =>
    (failed === 0 ? [] : (await listFailed(name, kListed, signal)).trials ?? []), () => false);
  if (failed === 0) return null;
  const trials = data ?? [];
  const reasons = [...new Set(trials.map(({reason}) => reason ?? ''))].sort();
  return (
    <Section title={`Failed trials (${failed})`} id="failed">
      <Problem error={error} />
      <div class="scroll" tabIndex={0} role="region" aria-label="Failed trials">
        <table>
          <thead><tr><th scope="col" class="number">Trial</th><th scope="col">Attention</th><th scope="col" class="number">Seed</th><th scope="col">Reason</th><th scope="col">What happened</th></tr></thead>
          <tbody>
            {trials.map((trial) => (
              <tr key={trial.name}>
                <td class="number"><a href={`/${trial.name}`}>{idOf(trial.name)}</a></td><td class="plan">{trial.canonical}</td><td class="number">{int(trial.seed)}</td>
                <td class="bad">{trial.reason}</td><td class="wraps">{trial.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {failed > kListed ? <p class="note">The first {kListed} are listed.</p> : null}
      {reasons.length > 1 ? (
        <Buttons onDone={onDone} acts={reasons.map((reason) =>
          ({label: `Retry ${reason}`, when: sweep.state !== 'SWEEP_STATE_CANCELLED', run: () => retryFailed(name, sweep.etag ?? '', reason)}))} />
      ) : null}
    </Section>
  );
}
