// What kinds `profile` and `infer` measured: a row per cell, path, batch and length (means over seeds), and lines over the lengths.
import {useMemo} from 'preact/hooks';
import {query} from '../api';
import {useLive} from '../live';
import {count, kNone, significant} from '../logic/format';
import {Problem} from './common';
import {Curves, type Trace} from './curves';

const kValues = {
  profile: {activation_bytes: 'activations, MB', forward_ms: 'forward, ms', backward_ms: 'backward, ms', optimizer_ms: 'optimizer, ms', tokens_per_second: 'tokens/s'},
  infer: {latency_ms_p50: 'median, ms', latency_ms_p90: 'p90, ms', latency_ms_p99: 'p99, ms', tokens_per_second: 'tokens/s'},
};
const kMostRows = 1000;

interface Row {
  cell: number;
  attention: string;
  path: string;
  batch: number;
  length: number;
  outOfMemory: boolean;
  values: (number | null)[];
}

async function load(sweep: number, columns: readonly string[], signal: AbortSignal): Promise<Row[]> {
  const values = columns.map((name) => `avg(m.${name})${name.endsWith('_bytes') ? ' / 1e6' : ''}`);
  const rows = await query(
    `SELECT c.cell, c.attention, m.path, m.batch, m.length, max(m.out_of_memory), ${values.join(', ')} FROM v_cells c
     JOIN v_measurements m USING (trial_id) WHERE c.sweep = ? AND c.alias_of IS NULL
     GROUP BY c.cell, m.path, m.batch, m.length ORDER BY c.cell, m.path, m.length, m.batch LIMIT ${kMostRows + 1}`, [sweep], signal);
  return rows.map((row) => {
    const [cell, attention, path, batch, length, full, ...rest] = row as unknown[];
    return {cell: Number(cell), attention: String(attention), path: String(path), batch: Number(batch), length: Number(length),
      outOfMemory: Number(full ?? 0) > 0, values: rest as (number | null)[]};
  });
}

// A line per cell and path over the lengths; where there is one length, over the batch sizes.
function tracesOf(rows: readonly Row[], titles: readonly string[], x: 'length' | 'batch'): Trace[] {
  const paths = [...new Set(rows.map((row) => row.path))];
  const batches = new Set(rows.map((row) => row.batch));
  const byBatch = x === 'length' && rows.some((row, index) => rows.findIndex((other) =>
    other.cell === row.cell && other.path === row.path && other.length === row.length) !== index);
  const traces = new Map<string, Trace & {points: {name: string; step: string; value: number}[]}>();
  for (const row of rows) {
    const label = `${row.attention}, ${row.path}${byBatch && batches.size > 1 ? `, batch ${row.batch}` : ''}`;
    const key = `${row.cell} ${label}`;
    if (!traces.has(key)) traces.set(key, {label, color: row.cell, seed: byBatch ? [...batches].indexOf(row.batch) : paths.indexOf(row.path), points: []});
    row.values.forEach((value, index) => {
      if (value !== null) traces.get(key)!.points.push({name: titles[index]!, step: `${row[x]}`, value});
    });
  }
  return [...traces.values()];
}

export function Measurements({sweep, kind}: {sweep: string; kind: 'profile' | 'infer'}) {
  const columns = Object.keys(kValues[kind]);
  const titles = Object.values(kValues[kind]);
  const {data, error} = useLive(`${sweep}/measurements`, (signal) => load(Number(sweep.split('/').pop()), columns, signal),
    (event) => (!event.sweep || event.sweep === sweep) && event.type === 'trial');
  const rows = useMemo(() => (data ?? []).slice(0, kMostRows), [data]);
  const x = new Set(rows.map((row) => row.length)).size > 1 ? 'length' : 'batch';
  const traces = useMemo(() => tracesOf(rows, titles, x), [rows, x]);
  return (
    <>
      <Problem error={error} />
      {data && rows.length === 0 ? <p class="note">Nothing is measured yet.</p> : null}
      {rows.length > 0 ? (
        <>
          <Curves traces={traces} state="measured" first={titles[0]!} x={x} table={false} />
          <div class="scroll" tabIndex={0} role="region" aria-label="Measurements, table">
            <table>
              <thead><tr><th scope="col">Attention</th><th scope="col">Path</th><th scope="col" class="number">Batch</th><th scope="col" class="number">Tokens</th>
                {titles.map((title) => <th key={title} scope="col" class="number">{title}</th>)}</tr></thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={`${row.cell} ${row.path} ${row.batch} ${row.length}`}>
                    <th scope="row" class="plan">{row.attention}</th><td>{row.path}</td><td class="number">{row.batch}</td><td class="number">{row.length}</td>
                    {row.outOfMemory ? <td colSpan={titles.length}>out of memory</td>
                      : row.values.map((value, index) => <td key={titles[index]} class="number">{value === null ? kNone : value >= 1e4 ? count(Math.round(value)) : significant(value, 4)}</td>)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {data!.length > kMostRows ? <p class="note">The first {count(kMostRows)} rows; v_measurements has them all.</p> : null}
        </>
      ) : null}
    </>
  );
}
