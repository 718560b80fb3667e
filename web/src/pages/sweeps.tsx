// All sweeps with their progress.
import {listSweeps, type SweepJson} from '../api';
import {Line, Problem, Progress, State, countsOf, progressText, timeLeft, useNow, useTitle} from '../components/common';
import {useLive} from '../live';
import {ago, idOf, int, plural, stateName} from '../logic/format';

function Row({sweep, now}: {sweep: SweepJson; now: number}) {
  const counts = countsOf(sweep.coverage);
  const name = sweep.displayName || `sweep ${idOf(sweep.name)}`;
  return (
    <li class="card" data-sweep={sweep.name}>
      <div class="card-head">
        <h2><a href={`/${sweep.name}`}>{name}</a></h2>
        <State name={stateName(sweep.state)} />
      </div>
      <Progress counts={counts} label={`Progress of ${name}`} />
      <Line items={[
        progressText(counts), plural(int(sweep.coverage?.cells), 'cell'), timeLeft(sweep.secondsLeft),
        sweep.spec?.model, `submitted ${ago(sweep.createTime, now)}`,
      ]} />
    </li>
  );
}

export function SweepsPage() {
  useTitle('Sweeps');
  const now = useNow();
  const {data, error} = useLive('sweeps', (signal) => listSweeps(signal), (event) => event.type !== 'worker' && event.type !== 'progress');
  const sweeps = data?.sweeps ?? [];
  return (
    <>
      <h1>Sweeps</h1>
      <Problem error={error} />
      {data && sweeps.length === 0 ? (
        <div class="empty">
          <p>No sweep yet. Submit one from a terminal; it appears here at once.</p>
          <pre>sparsweep submit sweeps/quickstart.json</pre>
        </div>
      ) : null}
      <ul class="cards">{sweeps.map((sweep) => <Row key={sweep.name} sweep={sweep} now={now} />)}</ul>
      {data?.nextPageToken ? <p class="note">The newest {sweeps.length} are shown; <code>sparsweep list</code> prints all.</p> : null}
    </>
  );
}
