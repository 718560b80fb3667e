// The table of a sweep's cells: sorted, filtered, rows pinned for the curves. Long tables keep only
// the rows in view in the document.
import {useMemo, useRef} from 'preact/hooks';
import type {CellJson} from '../api';
import {axisText, capital, density, difference, idOf, int, isShare, kNone, metricValue, pValue, plural, withUnit} from '../logic/format';
import {matches} from '../logic/filter';
import {csv, save} from '../logic/download';
import {route, setQuery} from '../route';
import {useRows} from './rows';
import {Shape} from './scatter';

const kTrialsShown = 3;

interface Column {
  id: string;
  title: string;
  label?: string;  // in words, where the title is a symbol
  number: boolean;
  axis?: boolean;
  value: (cell: CellJson) => number | string | undefined;
  show: (cell: CellJson) => preact.ComponentChildren;
}

const num = (value: number | string | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);

export function cellValues(cell: CellJson): Record<string, unknown> {
  return {
    ...cell.axes, cell: int(cell.cell), density: cell.density, mean: cell.mean, n: cell.n ?? 0,
    difference: cell.difference, baseline: cell.baseline ?? false,
  };
}

function columnsOf(axes: readonly string[], cells: readonly CellJson[], onChoose: (cell: number) => void): Column[] {
  const any = (name: keyof CellJson) => cells.some((cell) => cell[name] !== undefined);
  const metric = cells.find((cell) => cell.metric)?.metric ?? 'metric';
  const columns: Column[] = axes.map((axis) => ({
    id: `axis.${axis}`, title: axis, axis: true, number: cells.every((cell) => typeof (cell.axes?.[axis] ?? 0) === 'number'),
    value: (cell) => {
      const value = cell.axes?.[axis];
      return typeof value === 'number' ? value : value == null ? undefined : axisText(value);
    },
    show: (cell) => axisText(cell.axes?.[axis]),
  }));
  columns.push(
    {id: 'density', title: 'Density', number: true, value: (cell) => num(cell.density), show: (cell) => density(num(cell.density))},
    {
      id: 'mean', title: capital(isShare(metric) ? metric : withUnit(metric)), number: true, value: (cell) => num(cell.mean),
      show: (cell) => (
        <>
          {metricValue(num(cell.mean), metric)}
          <span class="sd">{cell.stddev === undefined ? '' : `± ${metricValue(num(cell.stddev), metric)}`}</span>
        </>
      ),
    },
    {id: 'n', title: 'n', label: 'Seeds with a result', number: true, value: (cell) => cell.n ?? 0, show: (cell) => cell.n ?? 0},
    {
      id: 'difference', title: 'Δ baseline', label: 'Difference to the baseline', number: true,
      value: (cell) => num(cell.difference),
      show: (cell) => (cell.baseline ? 'baseline' : difference(num(cell.difference), metric)),
    },
  );
  if (any('differenceLow')) {
    columns.push({
      id: 'interval', title: '95 % interval', number: true, value: (cell) => num(cell.differenceLow),
      show: (cell) => cell.differenceLow === undefined ? kNone
        : `${difference(num(cell.differenceLow), metric)} … ${difference(num(cell.differenceHigh), metric)}`,
    });
  }
  if (any('pHolm')) {
    columns.push({id: 'p', title: 'p (Holm)', number: true, value: (cell) => num(cell.pHolm), show: (cell) => pValue(num(cell.pHolm))});
  }
  if (any('smallestDetectable')) {
    // Beside "no difference": how large one would have had to be to be seen.
    const unseen = (cell: CellJson) =>
      num(cell.differenceLow)! <= 0 && num(cell.differenceHigh)! >= 0 ? num(cell.smallestDetectable) : undefined;
    columns.push({
      id: 'detectable', title: 'Detectable', label: 'Smallest detectable difference, where none was found', number: true,
      value: unseen, show: (cell) => (unseen(cell) === undefined ? kNone : `±${metricValue(unseen(cell), metric)}`),
    });
  }
  const notes = [...new Set(cells.flatMap(notesOf))];
  if (notes.length > 0) {
    columns.push({
      id: 'notes', title: 'Notes', number: false, value: (cell) => notesOf(cell).length,
      show: (cell) => notesOf(cell).map((note, index) => {
        const number = notes.indexOf(note) + 1;
        return <span key={number}>{index > 0 ? ', ' : ''}<a href={`#note-${number}`} title={note}>{number}</a></span>;
      }),
    });
  }
  columns.push({
    id: 'trials', title: 'Trials', number: false, value: (cell) => cell.trials?.length ?? 0,
    show: (cell) => (
      <span class="trials">
        {(cell.trials ?? []).slice(0, kTrialsShown).map((name, index) => (
          <a key={name} href={`/${name}`} aria-label={`Trial ${idOf(name)}, seed ${index + 1} of cell ${int(cell.cell)}`}>{idOf(name)}</a>
        ))}
        {(cell.trials?.length ?? 0) > kTrialsShown ? (
          <button type="button" class="more" aria-label={`All ${cell.trials!.length} trials of cell ${int(cell.cell)}`} onClick={() => onChoose(int(cell.cell))}>+{cell.trials!.length - kTrialsShown}</button>
        ) : null}
        {cell.running ? <span class="note">{cell.running} running</span> : null}
        {cell.paused ? <span class="note">{cell.paused} paused</span> : null}
        {cell.cancelled ? <span class="note">{cell.cancelled} cancelled</span> : null}
        {cell.failed ? <span class="note bad">{cell.failed} failed</span> : null}
      </span>
    ),
  });
  return columns;
}

// What is to be said of a cell, as sentences; rows show their numbers, the list below the table has them.
function notesOf(cell: CellJson): string[] {
  const left = cell.leftOut ?? 0;
  return [
    ...(cell.warnings ?? []),
    ...(cell.origins ?? []).map((origin) => `Results were run for sweep ${idOf(origin)}, not again for this one.`),
    ...(left > 0 ? [`${plural(left, 'seed')} left out of the difference: run on another device or with another number of threads than the baseline’s.`] : []),
  ];
}

function sorted(cells: CellJson[], column: Column | undefined, down: boolean): CellJson[] {
  if (!column) return cells;
  const sign = down ? -1 : 1;
  return [...cells].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;  // absent last
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y), 'en', {numeric: true});
  });
}

export function CellTable(props: {
  sweep: string; cells: CellJson[]; axes: readonly string[];
  pinned: ReadonlySet<number>; onPin: (cell: number, on: boolean) => void;
  chosen: number | undefined; onChoose: (cell: number) => void;
}) {
  const {cells, axes, pinned} = props;
  const query = route.value.query;
  const latest = useRef(props.onChoose);
  latest.current = props.onChoose;
  const order = query.get('sort') ?? '';
  const filter = query.get('q') ?? '';
  const columns = useMemo(() => columnsOf(axes, cells, (cell) => latest.current(cell)), [axes, cells]);
  const rows = useMemo(() => {
    const kept = cells.filter((cell) =>
      matches({text: `${cell.canonical ?? ''} ${cell.attention ?? ''} ${Object.values(cell.axes ?? {}).map(axisText).join(' ')}`,
        values: cellValues(cell)}, filter));
    return sorted(kept, columns.find((column) => column.id === order.replace(/^-/, '')), order.startsWith('-'));
  }, [cells, columns, filter, order]);
  const windowed = useRows(rows.length);

  const sortBy = (id: string) => setQuery('sort', order === id ? `-${id}` : order === `-${id}` ? null : id);
  const name = `${props.sweep.replace('/', '-')}-cells`;
  const flat = () => rows.map(({axes: values, trials, ...rest}) => ({
    ...rest, ...Object.fromEntries(Object.entries(values ?? {}).map(([axis, value]) => [`axis.${axis}`, value])),
    trials: (trials ?? []).join(' '),
  }));

  return (
    <>
      <div class="tools">
        <label class="field grow">
          <span>Filter</span>
          <input type="search" value={filter} placeholder="window  density<0.3" spellcheck={false}
            onInput={(event) => setQuery('q', event.currentTarget.value || null)} />
        </label>
        <span class="note" role="status">{rows.length === cells.length ? `${cells.length} cells` : `${rows.length} of ${cells.length} cells`}</span>
        <span class="buttons">
          <button type="button" onClick={() => save(`${name}.csv`, 'text/csv', csv(flat()))}>CSV</button>
          <button type="button" onClick={() => save(`${name}.json`, 'application/json', JSON.stringify(rows, null, 2))}>JSON</button>
        </span>
      </div>
      <div class={`scroll ${windowed.tall ? 'tall' : ''}`} ref={windowed.container} tabIndex={0} role="region" aria-label="Cells">
        <table class="cells" aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              <th scope="col"><span class="hidden">Pinned for the curves</span></th>
              <th scope="col">Attention</th>
              {columns.map((column) => {
                const on = order.replace(/^-/, '') === column.id;
                return (
                  <th key={column.id} scope="col" class={column.number ? 'number' : column.axis ? 'axis-text' : ''}
                    aria-sort={on ? (order.startsWith('-') ? 'descending' : 'ascending') : undefined}>
                    <button type="button" onClick={() => sortBy(column.id)} title={column.label}>
                      {column.title}<span class="arrow" aria-hidden="true">{on ? (order.startsWith('-') ? '↓' : '↑') : ''}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {windowed.before > 0 ? <tr aria-hidden="true" class="gap"><td style={{height: `${windowed.before}px`}} /></tr> : null}
            {rows.slice(windowed.start, windowed.end).map((cell, index) => {
              const id = int(cell.cell);
              const canonical = cell.canonical ?? '';
              return (
                <tr key={id} data-cell={id} class={cell.baseline ? 'baseline' : ''} aria-rowindex={windowed.start + index + 2}>
                  <td>
                    <input type="checkbox" checked={pinned.has(id)} aria-label={`Curves of cell ${id}, ${canonical}`}
                      onChange={(event) => props.onPin(id, event.currentTarget.checked)} />
                  </td>
                  <th scope="row" class="plan" title={canonical}><div class="named-plan"><Shape canonical={canonical} />
                    <button type="button" class="plan-link" aria-label={`Masks of cell ${id}, ${canonical}`} aria-pressed={props.chosen === id}
                      onClick={() => props.onChoose(id)}>{canonical}</button>
                    {cell.aliasOf === undefined ? null : <span class="note"> = cell {cell.aliasOf}</span>}</div></th>
                  {columns.map((column) => (
                    <td key={column.id} data-column={column.id} data-value={column.value(cell)}
                      class={`${column.number ? 'number' : column.axis ? 'axis-text' : ''} ${column.id === 'difference' && !cell.baseline ? signClass(cell) : ''}`}>
                      {column.show(cell)}
                    </td>
                  ))}
                </tr>
              );
            })}
            {windowed.after > 0 ? <tr aria-hidden="true" class="gap"><td style={{height: `${windowed.after}px`}} /></tr> : null}
          </tbody>
        </table>
      </div>
      <Notes cells={cells} />
      {rows.length === 0 ? <p class="note">No cell matches this filter.</p> : null}
    </>
  );
}

function Notes({cells}: {cells: readonly CellJson[]}) {
  const notes = useMemo(() => [...new Set(cells.flatMap(notesOf))], [cells]);
  if (notes.length === 0) return null;
  return <ol class="notes" aria-label="Notes">{notes.map((note, index) => <li key={note} id={`note-${index + 1}`}>{note}</li>)}</ol>;
}

// Coloured only where the interval says which side of the baseline it is.
function signClass(cell: CellJson): string {
  const [low, high] = [num(cell.differenceLow), num(cell.differenceHigh)];
  if (low === undefined || high === undefined) return '';
  return high < 0 ? 'worse' : low > 0 ? 'better' : '';
}
