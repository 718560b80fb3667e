// Lines by uPlot, learning curves above all: the smoothed trace in front, the raw one behind.
import uPlot from 'uplot';
import {useEffect, useMemo, useRef} from 'preact/hooks';
import type {MetricPointJson} from '../api';
import {int, metricValue} from '../logic/format';
import {smooth} from '../logic/smooth';
import {route, setQuery} from '../route';
import {Select, Twin, useWidth} from './common';

export interface Trace {
  label: string;
  color: number;  // index into the palette; equal for the seeds of one cell
  seed: number;   // which of them: drawn as its dash
  points: readonly MetricPointJson[];
}

const kPalette = ['--curve-0', '--curve-1', '--curve-2', '--curve-3', '--curve-4', '--curve-5', '--curve-6'];
const kSteps = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].flatMap((power) => [power, 2 * power, 5 * power]);
const kDashes = [[], [7, 3], [2, 3], [8, 3, 2, 3]];
const dashOf = (trace: {seed: number}) => kDashes[trace.seed % kDashes.length]!;
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// `state` names what of it is in the address; `first` is the metric before anyone chose. Only steps of
// training are smoothed.
export function Curves({traces, state = '', first = 'train/loss', x = 'step', table = true}: {traces: readonly Trace[]; state?: string; first?: string; table?: boolean; x?: 'step' | 'epoch' | 'length' | 'batch'}) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const query = route.value.query;
  const names = useMemo(() => [...new Set(traces.flatMap((trace) => trace.points.map((point) => point.name ?? '')))].sort(), [traces]);
  const metricKey = state === '' ? 'metric' : `${state}-metric`;
  const wanted = query.get(metricKey);
  const name = wanted !== null && names.includes(wanted) ? wanted : names.includes(first) ? first : (names[0] ?? '');
  const weight = x !== 'step' ? 0 : Math.min(0.99, Math.max(0, Number(query.get('smooth') ?? 0.6)));

  const shown = useMemo(() => traces.map((trace) => {
    const points = trace.points.filter((point) => point.name === name).map((point) => ({x: int(point.step), y: Number(point.value ?? 0)}));
    points.sort((a, b) => a.x - b.x);
    return {...trace, xs: points.map((point) => point.x), ys: points.map((point) => point.y)};
  }).filter((trace) => trace.xs.length > 0), [traces, name]);

  useEffect(() => {
    const node = plot.current;
    if (!node || shown.length === 0) return;
    const draw = () => {
      const tables: uPlot.AlignedData[] = [];
      const series: uPlot.Series[] = [{label: 'step'}];
      const dots = shown.every((trace) => trace.xs.length < 25);
      for (const [index, trace] of shown.entries()) {
        const color = css(kPalette[trace.color % kPalette.length]!);
        const dash = dashOf(trace);
        const soft = smooth(trace.ys, weight);
        tables.push([trace.xs, trace.ys, soft] as uPlot.AlignedData);
        series.push({label: `${index} raw`, stroke: color, width: 1, alpha: weight > 0 ? 0.25 : 1, dash, points: {show: dots && weight === 0, size: 5, fill: color}});
        series.push({label: trace.label, stroke: color, width: 1.8, dash, show: weight > 0, points: {show: dots, size: 5, fill: color}});
      }
      const axis: uPlot.Axis = {stroke: css('--muted'), grid: {stroke: css('--line'), width: 1}, ticks: {show: false}, font: `12px ${css('--sans')}`};
      return new uPlot({
        width, height: 300, series,
        scales: {x: {time: false}},
        axes: [{...axis, incrs: kSteps, label: x, size: 28, labelSize: 20, labelGap: 0, labelFont: `12px ${css('--sans')}`}, {...axis, size: 52}],
        legend: {show: false},
        cursor: {points: {show: true}, drag: {x: true, y: false}},
        padding: [12, 16, 0, 0],
      }, tables.length === 1 ? tables[0]! : uPlot.join(tables), node);
    };
    let chart = draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolor = () => {
      chart.destroy();
      chart = draw();
    };
    scheme.addEventListener('change', recolor);
    return () => {
      scheme.removeEventListener('change', recolor);
      chart.destroy();
    };
  }, [shown, weight, width]);

  return (
    <>
      <div class="tools" hidden={names.length === 0}>
        <Select label="Metric" value={name} onChange={(value) => setQuery(metricKey, value)}
          choices={names.map((value) => ({value, label: value}))} />
        {x !== 'step' ? null : <label class="field">
          <span>Smoothing {weight.toFixed(2)}</span>
          <input type="range" min="0" max="0.99" step="0.01" value={weight}
            onInput={(event) => setQuery('smooth', event.currentTarget.value)} />
        </label>}
      </div>
      <div class="chart" ref={frame}>
        <div ref={plot} role="img" aria-label={`${name} by ${x}, ${shown.length} lines. The table below has their ends.`} />
        {shown.length === 0 ? <p class="note">No points yet.</p> : null}
      </div>
      <ul class="legend">
        {shown.map((trace) => (
          <li key={trace.label}><svg width="22" height="8" aria-hidden="true"><line x1="0" x2="22" y1="4" y2="4" stroke-width="2" stroke-dasharray={dashOf(trace).join(' ')} style={{stroke: `var(${kPalette[trace.color % kPalette.length]})`}} /></svg><code>{trace.label}</code></li>
        ))}
      </ul>
      {shown.length === 0 || !table ? null : <Twin>
        <table>
          <thead><tr><th scope="col">Line</th><th scope="col" class="number">Points</th><th scope="col" class="number">Last {x}</th><th scope="col" class="number">First {name}</th><th scope="col" class="number">Last {name}</th></tr></thead>
          <tbody>
            {shown.map((trace) => (
              <tr key={trace.label}>
                <th scope="row" class="plan">{trace.label}</th><td class="number">{trace.xs.length}</td><td class="number">{trace.xs.at(-1)}</td>
                <td class="number">{metricValue(trace.ys[0], name)}</td><td class="number">{metricValue(trace.ys.at(-1), name)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Twin>}
    </>
  );
}
