// The primary metric against density, with the Pareto front and the baseline.
import {useMemo, useRef, useState} from 'preact/hooks';
import type {CellJson} from '../api';
import {families, familyOf, isPartial, shapePath} from '../logic/family';
import {count, density, int, lowerIsBetter, metricName, metricValue, scaleOf, withUnit} from '../logic/format';
import {paretoFront} from '../logic/pareto';
import {linearTicks, logTicks} from '../logic/ticks';
import {route, setQuery} from '../route';
import {Select, Twin, useWidth} from './common';

export function Shape({canonical}: {canonical: string}) {
  const family = familyOf(canonical);
  return (
    <svg class="shape" width="14" height="14" aria-hidden="true">
      <path d={shapePath(family.shape, 7, 7, 4)} style={mark(family.color, isPartial(canonical))} />
    </svg>
  );
}

const mark = (color: string, partial: boolean) =>
  ({fill: partial ? 'var(--surface)' : `var(${color})`, stroke: `var(${color})`, strokeWidth: '1.6px'});

interface Dot {
  cell: CellJson;
  x: number;
  y: number;
  sd: number;
}

const kMostDots = 2000;

// Of many dots the front, the baselines and an even sample of the rest; and how many there were.
function thinned(dots: Dot[], lower: boolean): [Dot[], number] {
  if (dots.length <= kMostDots) return [dots, dots.length];
  const front = new Set(paretoFront(dots, lower));
  const every = Math.ceil(dots.length / kMostDots);
  return [dots.filter((dot, index) => front.has(index) || dot.cell.baseline || index % every === 0), dots.length];
}

const kHeight = 320;
const kMargin = {left: 46, right: 14, top: 12, bottom: 40};

export function Scatter({cells, metric}: {cells: CellJson[]; metric: string}) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [near, setNear] = useState<number | null>(null);
  const log = route.value.query.get('dx') !== 'linear';

  const lower = lowerIsBetter(metric);
  const [dots, total] = useMemo(() => thinned(cells.flatMap((cell): Dot[] =>
    cell.mean === undefined || cell.density === undefined || cell.aliasOf !== undefined ? []
      : [{cell, x: Number(cell.density), y: Number(cell.mean), sd: Number(cell.stddev ?? 0)}]), lower), [cells, lower]);
  const front = useMemo(() => paretoFront(dots, lower), [dots, lower]);
  const onFront = useMemo(() => new Set(front), [front]);
  if (dots.length === 0) return <div ref={frame}><p class="note">No results yet.</p></div>;

  const positive = dots.map((dot) => dot.x).filter((x) => x > 0);
  const lowX = log ? Math.min(...positive, 0.5) / 1.15 : 0;
  const ys = dots.flatMap((dot) => [dot.y - dot.sd, dot.y + dot.sd]);
  const [lowY, highY] = [Math.min(...ys), Math.max(...ys)];
  const pad = 0.06 * (highY - lowY || 0.1 * Math.abs(highY) || 0.1);
  const inner = {w: Math.max(50, width - kMargin.left - kMargin.right), h: kHeight - kMargin.top - kMargin.bottom};
  const highX = log ? 1.12 : 1.03;
  const px = (x: number) => kMargin.left + inner.w * (log
    ? Math.log(Math.max(x, lowX) / lowX) / Math.log(highX / lowX) : x / highX);
  const py = (y: number) => kMargin.top + inner.h * (1 - (y - lowY + pad) / (highY - lowY + 2 * pad));
  const scale = scaleOf(metric).factor;
  const yTicks = linearTicks(scale * (lowY - pad), scale * (highY + pad), 6);
  const xTicks = log ? logTicks(lowX, highX, width < 500) : [0, 0.2, 0.4, 0.6, 0.8, 1];
  const baselines = dots.filter((dot) => dot.cell.baseline);
  const present = families().filter((family) => dots.some((dot) => familyOf(dot.cell.canonical ?? '') === family));
  const partial = dots.some((dot) => isPartial(dot.cell.canonical ?? ''));

  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    let best: number | null = null;
    let distance = 28 ** 2;
    dots.forEach((dot, index) => {
      const d = (px(dot.x) - event.clientX + box.left) ** 2 + (py(dot.y) - event.clientY + box.top) ** 2;
      if (d < distance) [best, distance] = [index, d];
    });
    setNear(best);
  };
  const chosen = near === null ? undefined : dots[near];
  const step = front.map((index, k) => {
    const dot = dots[index]!;
    return k === 0 ? `M${px(dot.x)} ${py(dot.y)}` : `H${px(dot.x)}V${py(dot.y)}`;
  }).join('');

  return (
    <>
      <div class="tools">
        <Select label="Density axis" value={log ? 'log' : 'linear'} onChange={(value) => setQuery('dx', value === 'log' ? null : value)}
          choices={[{value: 'log', label: 'logarithmic'}, {value: 'linear', label: 'linear'}]} />
        <ul class="legend">
          {present.map((family) => (
            <li key={family.name}>
              <svg width="14" height="14" aria-hidden="true"><path d={shapePath(family.shape, 7, 7, 4)} style={mark(family.color, false)} /></svg>
              {family.name}
            </li>
          ))}
          {partial ? <li><svg width="14" height="14" aria-hidden="true"><path d={shapePath('circle', 7, 7, 4)} style={mark('--muted', true)} /></svg>only some layers or heads</li> : null}
          <li><svg width="20" height="14" aria-hidden="true"><path d="M1 11H9V4H19" class="front" /></svg>Pareto front</li>
        </ul>
      </div>
      <div class="chart" ref={frame}>
        <svg width={width} height={kHeight} role="img" onPointerMove={move} onPointerLeave={() => setNear(null)}
          aria-label={`${metricName(metric)} against density of ${dots.length} cells; ${front.length} are on the Pareto front. The table below has the same numbers.`}>
          {yTicks.map((tick) => (
            <g key={tick}>
              <line class="gridline" x1={kMargin.left} x2={kMargin.left + inner.w} y1={py(tick / scale)} y2={py(tick / scale)} />
              <text x={kMargin.left - 8} y={py(tick / scale)} dy="0.35em" text-anchor="end">{Number(tick.toPrecision(6))}</text>
            </g>
          ))}
          {xTicks.map((tick) => <text key={tick} x={px(tick)} y={kHeight - kMargin.bottom + 18} text-anchor="middle">{Number(tick.toPrecision(3))}</text>)}
          <text x={kMargin.left + inner.w} y={kHeight - 4} text-anchor="end" class="axis">density (kept share of N²)</text>
          <text x={kMargin.left + 4} y={kMargin.top + 10} class="axis">{withUnit(metric)}</text>
          {baselines.map((dot) => (
            <g key={int(dot.cell.cell)}>
              <line class="baseline" x1={kMargin.left} x2={kMargin.left + inner.w} y1={py(dot.y)} y2={py(dot.y)} />
            </g>
          ))}
          <path d={step} class="front" />
          {dots.map((dot, index) => {
            const family = familyOf(dot.cell.canonical ?? '');
            return (
              <g key={int(dot.cell.cell)} class={near === index ? 'near' : ''}>
                {dot.sd > 0 ? <line class="error" style={{stroke: `var(${family.color})`}}
                  x1={px(dot.x)} x2={px(dot.x)} y1={py(dot.y - dot.sd)} y2={py(dot.y + dot.sd)} /> : null}
                <path d={shapePath(family.shape, px(dot.x), py(dot.y), near === index ? 6.5 : 5)}
                  style={mark(family.color, isPartial(dot.cell.canonical ?? ''))} data-cell={int(dot.cell.cell)} />
              </g>
            );
          })}
        </svg>
        {chosen ? (
          <div class="tip" style={{left: `${Math.min(px(chosen.x) + 12, Math.max(0, width - 250))}px`, top: `${py(chosen.y) + 12}px`}}>
            <code>{chosen.cell.canonical}</code>
            <span>{metricValue(chosen.y, metric)}{chosen.sd > 0 ? ` ± ${metricValue(chosen.sd, metric)}` : ''} at density {density(chosen.x)}</span>
          </div>
        ) : null}
      </div>
      {total > dots.length ? <p class="note">{count(dots.length)} of {count(total)} cells are drawn: the front and an even sample.</p> : null}
      <Twin>
        <table>
          <thead><tr><th scope="col">Attention</th><th scope="col" class="number">Density</th><th scope="col" class="number">{withUnit(metric)}</th><th scope="col" class="number">sd</th><th scope="col">Pareto front</th></tr></thead>
          <tbody>
            {dots.slice(0, 1000).map((dot, index) => (
              <tr key={int(dot.cell.cell)}>
                <th scope="row" class="plan">{dot.cell.canonical}</th><td class="number">{density(dot.x)}</td>
                <td class="number">{metricValue(dot.y, metric)}</td>
                <td class="number">{dot.cell.stddev === undefined ? '–' : metricValue(dot.sd, metric)}</td><td>{onFront.has(index) ? 'yes' : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Twin>
    </>
  );
}
