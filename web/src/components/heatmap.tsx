// Mean of the primary metric over two axes. It is a real table whose cells are coloured: the picture
// is its own table twin.
import {useMemo} from 'preact/hooks';
import type {CellJson} from '../api';
import {kNone, metricValue, plural, withUnit} from '../logic/format';
import {axisValues, gridOf, key, viridis} from '../logic/grid';
import {route, setQuery} from '../route';
import {Select} from './common';

export function HeatMap({cells, axes, metric}: {cells: CellJson[]; axes: readonly string[]; metric: string}) {
  const query = route.value.query;
  const pick = (name: string, otherwise: string) => {
    const wanted = query.get(name);
    return wanted !== null && (axes.includes(wanted) || wanted === '') ? wanted : otherwise;
  };
  // The axis with the most values goes down the page, where there is room for them.
  const [longest, second] = useMemo(() =>
    axes.map((axis) => ({axis, n: axisValues(cells, axis).length})).sort((a, b) => b.n - a.n).map(({axis}) => axis), [axes, cells]);
  const column = pick('hx', second ?? longest ?? '');
  const row = pick('hy', second === undefined ? '' : longest ?? '');
  const grid = useMemo(() => gridOf(cells, row === column ? '' : row, column), [cells, row, column]);
  if (axes.length === 0) return <p class="note">This sweep has no axes.</p>;

  if (!Number.isFinite(grid.low)) return <p class="note">No results yet.</p>;
  const rowName = row === column ? '' : row;
  const share = (mean: number) => (grid.high > grid.low ? (mean - grid.low) / (grid.high - grid.low) : 1);
  const baselines = cells.filter((cell) => cell.baseline && cell.mean !== undefined && (cell.axes?.[column] ?? null) === null);
  return (
    <>
      <div class="tools">
        <Select label="Columns" value={column} onChange={(value) => setQuery('hx', value)}
          choices={axes.map((axis) => ({value: axis, label: axis}))} />
        <Select label="Rows" value={rowName} onChange={(value) => setQuery('hy', value)}
          choices={[...axes.filter((axis) => axis !== column).map((axis) => ({value: axis, label: axis})), {value: '', label: '(none)'}]} />
        {baselines.length === 1
          ? <span class="note">Baseline {metricValue(Number(baselines[0]!.mean), metric)}</span> : null}
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Heat map, table">
        <table class="heat">
          <caption>
            Mean {withUnit(metric)}{rowName ? <> by <b>{rowName}</b> and <b>{column}</b></> : <> by <b>{column}</b></>}, over all other axes
          </caption>
          <thead>
            <tr>
              {rowName ? <td>{rowName} \ {column}</td> : null}
              {grid.columns.map((value) => <th key={value} scope="col">{value}</th>)}
            </tr>
          </thead>
          <tbody>
            {grid.rows.map((rowValue) => (
              <tr key={rowValue}>
                {rowName ? <th scope="row">{rowValue}</th> : null}
                {grid.columns.map((columnValue) => {
                  const entry = grid.at.get(key(rowValue, columnValue));
                  if (!entry) return <td key={columnValue} class="none">{kNone}</td>;
                  const {fill, ink} = viridis(share(entry.mean));
                  return (
                    <td key={columnValue} data-value={entry.mean} style={{background: fill, color: ink}}
                      title={`mean of ${plural(entry.cells, 'cell')}`}>{metricValue(entry.mean, metric)}</td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="scale" aria-hidden="true">{metricValue(grid.low, metric)}<span class="ramp" />{metricValue(grid.high, metric)}</p>
    </>
  );
}
