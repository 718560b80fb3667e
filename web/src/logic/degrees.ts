// What the rows of learned degrees say: a window by distance, and its middle.
import type {DegreeRowJson} from '../api';

const kWhole = 1_000_000;  // parts per million

// P(degree >= distance) for the distances 0..max: the soft window that was learned.
export function atLeast(ppm: readonly number[]): number[] {
  const out: number[] = Array.from({length: ppm.length});
  let sum = 0;
  for (let degree = ppm.length - 1; degree >= 0; degree -= 1) {
    sum += ppm[degree]!;
    out[degree] = sum / kWhole;
  }
  return out;
}

export const meanDegree = (ppm: readonly number[]): number => ppm.reduce((sum, part, degree) => sum + part * degree, 0) / kWhole;

// The greatest distance that at least half of the mass reaches.
export function medianDegree(ppm: readonly number[]): number {
  const reach = atLeast(ppm);
  let degree = 0;
  while (degree + 1 < reach.length && reach[degree + 1]! >= 0.5) degree += 1;
  return degree;
}

// How far a row reaches: the span, or the mean degree; none where the distribution was thinned out.
export function reachOf(row: DegreeRowJson): number | undefined {
  if (row.span !== undefined) return Number(row.span);
  return row.distributionPpm?.length ? meanDegree(row.distributionPpm) : undefined;
}

// "0-3,7" of ascending numbers.
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end += 1;
    parts.push(end === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}

export interface Group {
  label: string;
  rows: DegreeRowJson[];  // by epoch
}

// The rows of each learned parameter. Heads are named where a layer has several parameters.
export function groupsOf(rows: readonly DegreeRowJson[]): Group[] {
  const byKey = new Map<string, DegreeRowJson[]>();
  const ofLayer = new Map<number, Set<string>>();
  for (const row of rows) {
    const layer = row.layer ?? 0;
    const heads = ranges(row.heads ?? []);
    const key = `${layer}:${heads}`;
    byKey.set(key, [...(byKey.get(key) ?? []), row]);
    ofLayer.set(layer, (ofLayer.get(layer) ?? new Set()).add(heads));
  }
  return [...byKey.values()].map((group) => {
    const {layer = 0, heads = []} = group[0]!;
    const several = ofLayer.get(layer)!.size > 1;
    return {
      label: `layer ${layer}${several ? `, ${heads.length === 1 ? 'head' : 'heads'} ${ranges(heads)}` : ''}`,
      rows: [...group].sort((a, b) => (a.epoch ?? 0) - (b.epoch ?? 0)),
    };
  });
}
