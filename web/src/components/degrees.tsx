// What learned patterns have learned: one panel per parameter with a line per epoch, how far it
// reaches over the epochs, and the same as a table.
import {useMemo, useState} from 'preact/hooks';
import type {DegreeRowJson, TrialJson} from '../api';
import {atLeast, groupsOf, meanDegree, medianDegree, ranges, reachOf, type Group} from '../logic/degrees';
import {csv, save} from '../logic/download';
import {density, idOf, metricValue, significant} from '../logic/format';
import {linearTicks} from '../logic/ticks';
import {route, setQuery} from '../route';
import {Select, Twin} from './common';
import {Curves, type Trace} from './curves';

const kPanels = 12;  // more are shown a layer at a time
const [kWidth, kHeight, kLeft, kBottom, kTop] = [240, 150, 34, 22, 8];

const views = {
  window: {label: 'soft window: P(degree ≥ distance)', axis: 'distance', values: atLeast},
  distribution: {label: 'distribution: P(degree)', axis: 'degree', values: (ppm: readonly number[]) => ppm.map((part) => part / 1e6)},
};
type View = keyof typeof views;

function Panel({group, view, high}: {group: Group; view: View; high: number}) {
  const drawn = group.rows.filter((row) => row.distributionPpm?.length);
  const [at, setAt] = useState<number>();
  const max = Math.max(1, ...drawn.map((row) => row.distributionPpm!.length - 1));
  const x = (value: number) => kLeft + ((kWidth - kLeft - 6) * value) / max;
  const y = (value: number) => kTop + (kHeight - kTop - kBottom) * (1 - value / high);
  const lines = drawn.map((row) => ({epoch: row.epoch ?? 0, values: views[view].values(row.distributionPpm!)}));
  const last = lines.at(-1);
  if (!last) return null;
  const onPointer = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const value = Math.round((((event.clientX - box.left) / box.width) * kWidth - kLeft) / ((kWidth - kLeft - 6) / max));
    setAt(Math.min(max, Math.max(0, value)));
  };
  return (
    <figure class="panel">
      <figcaption>{group.label}</figcaption>
      <svg viewBox={`0 0 ${kWidth} ${kHeight}`} role="img" onPointerMove={onPointer} onPointerLeave={() => setAt(undefined)}
        aria-label={`${group.label}, ${views[view].label}, epochs ${lines.map(({epoch}) => epoch).join(', ')}. The table below has the numbers.`}>
        {linearTicks(0, high, 3).map((tick) => (
          <g key={tick}>
            <line class="gridline" x1={kLeft} x2={kWidth - 6} y1={y(tick)} y2={y(tick)} />
            <text x={kLeft - 5} y={y(tick) + 4} text-anchor="end">{significant(tick, 2)}</text>
          </g>
        ))}
        {linearTicks(0, max, 4).filter(Number.isInteger).map((tick) => <text key={tick} x={x(tick)} y={kHeight - 7} text-anchor="middle">{tick}</text>)}
        {lines.map(({epoch, values}, k) => (
          <path key={epoch} data-epoch={epoch} data-label={group.label} class={`learned ${k === lines.length - 1 ? 'last' : ''}`}
            style={{opacity: lines.length === 1 ? 1 : 0.25 + (0.75 * k) / (lines.length - 1)}}
            d={`M${values.map((value, degree) => `${x(degree).toFixed(2)} ${y(value).toFixed(2)}`).join('L')}`} />
        ))}
        {at === undefined ? null : <line class="at" x1={x(at)} x2={x(at)} y1={kTop} y2={kHeight - kBottom} />}
      </svg>
      <p class="note">{at === undefined
        ? `epoch ${last.epoch}: mean degree ${significant(meanDegree(drawn.at(-1)!.distributionPpm!), 3)}`
        : `${views[view].axis} ${at}: ${lines.slice(-3).map(({epoch, values}) => `epoch ${epoch} ${significant(values[at] ?? 0, 3)}`).join(', ')}`}</p>
    </figure>
  );
}

function Panels({groups}: {groups: readonly Group[]}) {
  const query = route.value.query;
  const view: View = query.get('degrees') === 'distribution' ? 'distribution' : 'window';
  const layers = [...new Set(groups.map((group) => group.rows[0]?.layer ?? 0))];
  const wanted = query.get('layer');
  const layer = wanted !== null && layers.includes(Number(wanted)) ? Number(wanted) : groups.length > kPanels ? layers[0] : undefined;
  const shown = groups.filter((group) => layer === undefined || (group.rows[0]?.layer ?? 0) === layer);
  const high = view === 'window' ? 1 : Math.max(...shown.flatMap((group) => group.rows.flatMap((row) => (row.distributionPpm ?? []).map((part) => part / 1e6))), 1e-6);
  const all = groups.length <= kPanels ? [{value: '', label: 'all'}] : [];
  return (
    <>
      <div class="tools">
        <Select label="Show" value={view} onChange={(value) => setQuery('degrees', value === 'window' ? null : value)}
          choices={(Object.keys(views) as View[]).map((value) => ({value, label: views[value].label}))} />
        <Select label="Layer" value={layer === undefined ? '' : `${layer}`} onChange={(value) => setQuery('layer', value || null)}
          choices={[...all, ...layers.map((value) => ({value: `${value}`, label: `${value}`}))]} />
      </div>
      <p class="note">One line per epoch, the last one bold; {views[view].axis} in tokens along the bottom.</p>
      <div class="panels chart">{shown.map((group) => <Panel key={group.label} group={group} view={view} high={high} />)}</div>
    </>
  );
}

const flat = (row: DegreeRowJson) => ({
  epoch: row.epoch ?? 0, layer: row.layer ?? 0, heads: ranges(row.heads ?? []), span: row.span, expected_density: Number(row.expectedDensity ?? 0),
  hardened_density: Number(row.hardenedDensity ?? 0), soft_value: Number(row.softValue ?? 0), hardened_value: Number(row.hardenedValue ?? 0),
  distribution_ppm: row.distributionPpm?.join(' ') ?? '',
});

export function Degrees({trial}: {trial: TrialJson}) {
  const rows = trial.degrees ?? [];
  const metric = String((trial.result as {metric?: unknown} | undefined)?.metric ?? '');
  const groups = useMemo(() => groupsOf(rows), [rows]);
  const spans = rows.some((row) => row.span !== undefined);
  const reach = spans ? 'span' : 'mean degree';
  const traces = useMemo<Trace[]>(() => groups.map((group, k) => ({
    label: group.label, color: k, seed: Math.floor(k / 7),
    points: group.rows.flatMap((row) => [
      [reach, reachOf(row)], ['expected density', Number(row.expectedDensity ?? 0)], ['hardened density', Number(row.hardenedDensity ?? 0)],
      [`${metric} with soft windows`, Number(row.softValue ?? 0)], [`${metric} hardened`, Number(row.hardenedValue ?? 0)],
    ].flatMap(([name, value]) => (value === undefined ? [] : [{name: String(name), step: `${row.epoch ?? 0}`, value: Number(value)}]))),
  })), [groups, reach, metric]);
  const name = `trials-${idOf(trial.name)}-degrees`;
  return (
    <>
      <div class="tools">
        <span class="note">What was learned, after each epoch. Densities are over all examples: of the soft window as expected, and of the masks that it was hardened to.</span>
        <span class="buttons">
          <button type="button" onClick={() => save(`${name}.csv`, 'text/csv', csv(rows.map(flat)))}>CSV</button>
          <button type="button" onClick={() => save(`${name}.json`, 'application/json', JSON.stringify(rows, null, 2))}>JSON</button>
        </span>
      </div>
      {spans ? null : <Panels groups={groups} />}
      <Curves traces={traces} state="reach" first={reach} x="epoch" />
      <Twin label="Learned degrees as a table" title="All epochs as a table">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">Epoch</th><th scope="col">Learned for</th><th scope="col" class="number">{spans ? 'Span' : 'Mean degree'}</th>
              {spans ? null : <th scope="col" class="number">Median</th>}
              <th scope="col" class="number">Expected density</th><th scope="col" class="number">Hardened density</th>
              <th scope="col" class="number">{metric} soft</th><th scope="col" class="number">{metric} hardened</th>
            </tr>
          </thead>
          <tbody>
            {groups.flatMap((group) => group.rows.map((row) => {
              const far = reachOf(row);
              return (
                <tr key={`${group.label} ${row.epoch ?? 0}`}>
                  <td class="number">{row.epoch ?? 0}</td><th scope="row">{group.label}</th><td class="number">{far === undefined ? '–' : significant(far, 4)}</td>
                  {spans ? null : <td class="number">{row.distributionPpm?.length ? medianDegree(row.distributionPpm) : '–'}</td>}
                  <td class="number">{density(Number(row.expectedDensity ?? 0))}</td><td class="number">{density(Number(row.hardenedDensity ?? 0))}</td>
                  <td class="number">{metricValue(Number(row.softValue ?? 0), metric)}</td><td class="number">{metricValue(Number(row.hardenedValue ?? 0), metric)}</td>
                </tr>
              );
            }))}
          </tbody>
        </table>
      </Twin>
    </>
  );
}
