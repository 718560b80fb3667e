// One sweep: how far it is, its cells, and what they say.
import {useMemo} from 'preact/hooks';
import {getSweep, getTrial, listMetrics, loadCells, type CellJson, type MetricPointJson, type SweepJson} from '../api';
import {CellActions, SweepActions} from '../components/actions';
import {CellTable} from '../components/cells';
import {Line, Problem, Progress, Section, Select, State, countsOf, progressText, timeLeft, useTitle} from '../components/common';
import {PlanView} from '../components/masks';
import {Curves, type Trace} from '../components/curves';
import {Invalidated} from '../components/invalidate';
import {Failures} from '../components/failures';
import {HeatMap} from '../components/heatmap';
import {Measurements} from '../components/measurements';
import {Scatter} from '../components/scatter';
import {useLive} from '../live';
import {capital, count, idOf, int, metricName, plural, stateName} from '../logic/format';
import {route, setQuery} from '../route';

const kCurves = 24;        // trials drawn at once
const kPinnedAtFirst = 4;  // cells drawn while none is pinned

function Header({sweep, onDone}: {sweep: SweepJson; onDone: () => void}) {
  const state = stateName(sweep.state);
  const counts = countsOf(sweep.coverage);
  const running = state === 'running';
  return (
    <header class="sweep-head">
      <p class="crumbs"><a href="/">Sweeps</a> / {idOf(sweep.name)}</p>
      <div class="card-head">
        <h1>{sweep.displayName || `Sweep ${idOf(sweep.name)}`}</h1>
        <State name={state} />
        <SweepActions sweep={sweep} onDone={onDone} onDeleted={() => location.assign('/')} />
      </div>
      {sweep.waitingFor ? <p class="problem">Waiting: {sweep.waitingFor}</p> : null}
      {sweep.message ? <p class="problem">{sweep.message}</p> : null}
      <Progress counts={counts} label="Progress of the sweep" />
      <Line status items={[
        progressText(counts),
        running && Number(sweep.trialsPerMinute ?? 0) > 0 && `${Number(sweep.trialsPerMinute).toFixed(1)} trials/min`,
        running && timeLeft(sweep.secondsLeft),
        plural(int(sweep.coverage?.cells), 'cell'),
        int(sweep.coverage?.aliases) > 0 && plural(int(sweep.coverage?.aliases), 'alias', 'aliases'),
      ]} />
      <p class="spec">
        {sweep.spec?.model ? <span>model <code>{sweep.spec.model}</code></span> : null}
        {typeof sweep.spec?.task === 'string' ? <span>task <code>{sweep.spec.task}</code></span> : null}
        {sweep.spec?.attention ? <span>attention <code>{sweep.spec.attention}</code></span> : null}
      </p>
    </header>
  );
}

interface Chosen {
  trial: string;
  label: string;
  color: number;
  seed: number;
}

// The trials of the pinned cells, or of the first ones with something to show.
function chosenTrials(cells: readonly CellJson[], pinned: ReadonlySet<number>): Chosen[] {
  const wanted = pinned.size > 0 ? cells.filter((cell) => pinned.has(int(cell.cell)))
    : cells.filter((cell) => cell.aliasOf === undefined && (cell.succeeded ?? 0) + (cell.running ?? 0) > 0).slice(0, kPinnedAtFirst);
  return wanted.flatMap((cell, color) => (cell.trials ?? []).map((trial, seed) =>
    ({trial, color, seed, label: `${cell.canonical ?? ''} #${seed + 1}`}))).slice(0, kCurves);
}

function CurvesOf({cells, pinned}: {cells: CellJson[]; pinned: ReadonlySet<number>}) {
  const chosen = useMemo(() => chosenTrials(cells, pinned), [cells, pinned]);
  const names = chosen.map(({trial}) => trial);
  const {data, error} = useLive<Map<string, MetricPointJson[]>>(`metrics ${names.join(' ')}`, async (signal) => {
    const answers = await Promise.all(names.map((name) => listMetrics(name, -1, signal)));
    return new Map(names.map((name, index) => [name, answers[index]!.points ?? []]));
  }, (event) => names.includes(event.trial ?? ''));
  const traces = useMemo<Trace[]>(() => chosen.map(({trial, ...rest}) => ({...rest, points: data?.get(trial) ?? []})), [chosen, data]);
  return (
    <>
      <p class="note">
        {pinned.size > 0 ? `${plural(pinned.size, 'cell')} pinned in the table.` : 'The first cells with results; tick rows of the table to choose others.'}
        {pinned.size > 0 ? <button type="button" class="link" onClick={() => setQuery('pin', null)}>Unpin all</button> : null}
      </p>
      <Problem error={error} />
      <Curves traces={traces} />
    </>
  );
}

// The plan of the cell that was chosen in the table. Its trials share it; where it draws at random, each
// mask seed has masks of its own.
function PlanOf({sweep, cell, onClose, onDone}: {sweep: SweepJson; cell: CellJson; onClose: () => void; onDone: () => void}) {
  const trials = cell.trials ?? [];
  const wanted = route.value.query.get('trial') ?? '';
  const name = trials.find((trial) => idOf(trial) === wanted) ?? trials[0] ?? '';
  const {data, error} = useLive(name, (signal) => getTrial(name, signal), (event) => event.trial === name);
  return (
    <Section title={`Cell ${int(cell.cell)}`} id="plan">
      <div class="tools plan-head">
        <code>{cell.canonical}</code>
        <button type="button" onClick={onClose}>Close</button>
      </div>
      <div class="cell-actions"><CellActions sweep={sweep} cell={cell} onDone={onDone} /></div>
      <Problem error={error} />
      {trials.length === 0 ? <p class="note">This cell has no trial yet.</p> : null}
      {data ? (
        <PlanView trial={data} controls={
          <>
            <Select label="Trial" value={idOf(name)} onChange={(value) => setQuery('trial', value)}
              choices={trials.map((trial) => ({value: idOf(trial), label: idOf(trial)}))} />
            <span class="note"><a href={`/${name}`}>seed {int(data.seed)}{data.maskSeed === undefined ? '' : `, mask seed ${int(data.maskSeed)}`}</a></span>
          </>
        } />
      ) : null}
    </Section>
  );
}

export function SweepPage({name}: {name: string}) {
  const mine = (sweep: string | undefined) => !sweep || sweep === name;
  const sweep = useLive(name, (signal) => getSweep(name, signal), (event) => mine(event.sweep) && event.type !== 'worker' && event.type !== 'progress');
  const cells = useLive(`${name}/cells`, (signal, partial: (value: CellJson[]) => void) => loadCells(name, signal, partial),
    (event) => mine(event.sweep) && event.type !== 'worker' && event.type !== 'progress');
  useTitle(sweep.data?.displayName || name);

  const pins = route.value.query.get('pin') ?? '';
  const pinned = useMemo(() => new Set(pins.split(',').filter((text) => text !== '').map(Number)), [pins]);
  const pin = (cell: number, on: boolean) => {
    const next = new Set(pinned);
    if (on) next.add(cell);
    else next.delete(cell);
    setQuery('pin', next.size === 0 ? null : [...next].join(','));
  };

  const data = cells.data;
  const axes = useMemo(() => sweep.data?.axisNames ?? [...new Set((data ?? []).flatMap((cell) => Object.keys(cell.axes ?? {})))],
    [sweep.data?.axisNames?.join(' '), data]);
  const kind = sweep.data?.spec?.kind;
  const metric = data?.find((cell) => cell.metric)?.metric ?? 'accuracy';
  const wanted = route.value.query.get('cell');
  const chosen = wanted === null ? undefined : data?.find((cell) => int(cell.cell) === Number(wanted));
  const choose = (cell: number | null) => {
    for (const other of ['trial', 'mask', 'length', 'text', 'pair']) setQuery(other, null);
    setQuery('cell', cell === null ? null : `${cell}`);
    if (cell !== null) requestAnimationFrame(() => document.getElementById('plan')?.scrollIntoView({block: 'start'}));
  };
  if (!sweep.data) {
    return <><h1>{sweep.error ? 'No such sweep' : 'Sweep'}</h1><Problem error={sweep.error} /></>;
  }
  return (
    <>
      <Header sweep={sweep.data} onDone={sweep.reload} />
      <Failures sweep={sweep.data} onDone={sweep.reload} />
      <Problem error={cells.error} />
      {data ? (
        <>
          <Section title={`Cells (${count(data.length)})`} id="cells">
            <CellTable sweep={name} cells={data} axes={axes} pinned={pinned} onPin={pin} chosen={chosen?.cell === undefined ? undefined : int(chosen.cell)} onChoose={choose} />
          </Section>
          {chosen ? <PlanOf key={int(chosen.cell)} sweep={sweep.data} cell={chosen} onClose={() => choose(null)} onDone={() => {
            sweep.reload();
            cells.reload();
          }} /> : null}
          <div class="pair">
            <Section title={`${capital(metricName(metric))} against density`} id="scatter"><Scatter cells={data} metric={metric} /></Section>
            <Section title="Heat map" id="heat"><HeatMap cells={data} axes={axes} metric={metric} /></Section>
          </div>
          {kind === 'profile' || kind === 'infer'
            ? <Section title="Measurements" id="measurements"><Measurements sweep={name} kind={kind} /></Section>
            : <Section title="Learning curves" id="curves"><CurvesOf cells={data} pinned={pinned} /></Section>}
          <Invalidated sweep={name} succeeded={int(sweep.data.coverage?.succeeded)} onDone={sweep.reload} />
        </>
      ) : <p class="note">Loading cells …</p>}
    </>
  );
}
