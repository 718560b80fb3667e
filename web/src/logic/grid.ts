// Cells laid out over two of their axes: what the heat map shows.
import type {CellJson} from '../api';
import {axisText} from './format';

export interface GridEntry {
  mean: number;
  cells: number;  // cells averaged over
}
export interface Grid {
  columns: string[];
  rows: string[];
  at: Map<string, GridEntry>;  // key(row, column)
  low: number;
  high: number;
}

export const key = (row: string, column: string): string => JSON.stringify([row, column]);

// Axis values in the order of numbers where all are numbers, else in order of appearance.
export function axisValues(cells: readonly CellJson[], axis: string): string[] {
  const seen = new Map<string, unknown>();
  for (const cell of cells) {
    const value = cell.axes?.[axis];
    if (value !== null && value !== undefined) seen.set(axisText(value), value);
  }
  const values = [...seen.keys()];
  if ([...seen.values()].every((value) => typeof value === 'number')) values.sort((a, b) => Number(a) - Number(b));
  return values;
}

// Means over the cells that have a value on both axes; an empty `rowAxis` makes one row.
export function gridOf(cells: readonly CellJson[], rowAxis: string, columnAxis: string): Grid {
  const sums = new Map<string, {sum: number; cells: number}>();
  for (const cell of cells) {
    const column = cell.axes?.[columnAxis];
    const row = rowAxis === '' ? '' : cell.axes?.[rowAxis];
    if (cell.mean === undefined || typeof cell.mean === 'string' || column == null || row == null) continue;
    const place = key(axisText(row), axisText(column));
    const entry = sums.get(place) ?? {sum: 0, cells: 0};
    entry.sum += cell.mean;
    entry.cells += 1;
    sums.set(place, entry);
  }
  const at = new Map<string, GridEntry>();
  let low = Infinity;
  let high = -Infinity;
  for (const [place, {sum, cells: n}] of sums) {
    const mean = sum / n;
    at.set(place, {mean, cells: n});
    low = Math.min(low, mean);
    high = Math.max(high, mean);
  }
  return {
    columns: axisValues(cells, columnAxis),
    rows: rowAxis === '' ? [''] : axisValues(cells, rowAxis),
    at, low, high,
  };
}

// Viridis by nine of its stops.
const kViridis = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
] as const;

export function viridis(share: number): {fill: string; ink: string} {
  const place = Math.min(1, Math.max(0, share)) * (kViridis.length - 1);
  const index = Math.min(kViridis.length - 2, Math.floor(place));
  const [low, high] = [kViridis[index]!, kViridis[index + 1]!];
  const rgb = low.map((value, k) => Math.round(value + (high[k]! - value) * (place - index)));
  const linear = rgb.map((value) => ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  return {fill: `rgb(${rgb.join(' ')})`, ink: luminance > 0.18 ? '#101418' : '#ffffff'};
}
