// What the charts and the table compute.
import {csv} from '../../../web/src/logic/download';
import {atLeast, groupsOf, meanDegree, medianDegree, reachOf} from '../../../web/src/logic/degrees';
import {familyOf, isPartial} from '../../../web/src/logic/family';
import {matches} from '../../../web/src/logic/filter';
import {axisValues, gridOf, key, viridis} from '../../../web/src/logic/grid';
import {degreeOf, maskBits, thumbnail} from '../../../web/src/logic/mask';
import {paretoFront} from '../../../web/src/logic/pareto';
import {smooth} from '../../../web/src/logic/smooth';
import {linearTicks, logTicks} from '../../../web/src/logic/ticks';

test('the front holds what nothing beats in both', () => {
  const points = [{x: 1, y: 0.868}, {x: 0.06, y: 0.751}, {x: 0.17, y: 0.863}, {x: 0.18, y: 0.77}, {x: 0.58, y: 0.874}];
  expect(paretoFront(points)).toEqual([1, 2, 4]);
  expect(paretoFront([])).toEqual([]);
});

test('where less is better the front falls', () => {
  const points = [{x: 1, y: 120}, {x: 0.5, y: 140}, {x: 0.4, y: 130}, {x: 0.2, y: 150}];
  expect(paretoFront(points, true)).toEqual([3, 2, 0]);
});

test('equal points are on the front once, and a tie in density goes to the better', () => {
  expect(paretoFront([{x: 0.5, y: 0.8}, {x: 0.5, y: 0.8}, {x: 0.5, y: 0.9}])).toEqual([2]);
  expect(paretoFront([{x: 0.5, y: 0.8}, {x: 0.5, y: 0.8}])).toEqual([0]);
});

test('smoothing has no bias at its start and skips gaps', () => {
  expect(smooth([5, 5, 5], 0.9).map((y) => Number(y!.toFixed(9)))).toEqual([5, 5, 5]);
  expect(smooth([1, 2], 0)).toEqual([1, 2]);
  // (0.5 * 0.5 * 1 + 0.5 * 3) / (1 - 0.25)
  expect(smooth([1, null, 3], 0.5)).toEqual([1, null, 1.75 / 0.75]);
});

test('a plan has the family of its only pattern', () => {
  const family = (text: string) => familyOf(text).name;
  expect(family('dense')).toBe('dense');
  expect(family('self')).toBe('self');
  expect(family('layers 1: self')).toBe('self');
  expect(family('random(2, draw=plan)')).toBe('random');
  expect(family('block(2, shift=1) + self')).toBe('block');
  expect(family('heads 0-9: block(2); heads 10-11: block(2, shift=1)')).toBe('block');
  expect(family('global(1) + window(1) + random(1, draw=plan)')).toBe('mixed');
  expect(family('layers 0: window(1); layers 1: self')).toBe('mixed');
  expect(family('strided(4)')).toBe('other');
  expect(family('lexical(2) + syntax')).toBe('text');
  expect(family('layers 1: learned_window(max=16, per=head)')).toBe('learned');
});

test('a plan is partial where a rule names layers or heads', () => {
  expect(isPartial('window(3)')).toBe(false);
  expect(isPartial('layers 4-5: window(3)')).toBe(true);
  expect(isPartial('layers 0-3,5 heads 1: window(3)')).toBe(true);
});

test('the filter knows words and conditions', () => {
  const row = {text: 'global(1) + window(3) last 3', values: {w: 3, layers: 'last 3', density: 0.31, mean: undefined}};
  expect(matches(row, '')).toBe(true);
  expect(matches(row, 'WINDOW  global')).toBe(true);
  expect(matches(row, 'random')).toBe(false);
  expect(matches(row, 'w>=3 density<0.5')).toBe(true);
  expect(matches(row, 'w!=3')).toBe(false);
  expect(matches(row, 'mean>0')).toBe(false);
  expect(matches(row, 'draw=plan')).toBe(false);
});

test('the grid averages over the axes that are not shown', () => {
  const cells = [
    {axes: {w: 3, layers: 'all', lr: 1}, mean: 0.8},
    {axes: {w: 3, layers: 'all', lr: 2}, mean: 0.9},
    {axes: {w: 10, layers: 'all', lr: 1}, mean: 0.7},
    {axes: {w: 1, layers: 'last', lr: 1}},
    {axes: {w: null, layers: null, lr: 1}, mean: 0.95},
  ];
  const grid = gridOf(cells, 'layers', 'w');
  expect(grid.columns).toEqual(['1', '3', '10']);
  expect(grid.rows).toEqual(['all', 'last']);
  expect(grid.at.get(key('all', '3'))).toEqual({mean: expect.closeTo(0.85, 12), cells: 2});
  expect(grid.at.has(key('last', '1'))).toBe(false);
  expect([grid.low, grid.high]).toEqual([0.7, expect.closeTo(0.85, 12)]);
  expect(axisValues(cells, 'layers')).toEqual(['all', 'last']);
});

test('viridis goes from violet to yellow with readable ink', () => {
  expect(viridis(0)).toEqual({fill: 'rgb(68 1 84)', ink: '#ffffff'});
  expect(viridis(1)).toEqual({fill: 'rgb(253 231 37)', ink: '#101418'});
});

test('mask rows are least significant bit first', () => {
  // N = 9: row 0 keeps keys 0 and 8, the others nothing.
  const rows = ['0101', ...Array.from({length: 8}, () => '0000')];
  const bits = maskBits(rows, 9);
  expect([...bits].flatMap((bit, k) => (bit ? [k] : []))).toEqual([0, 8]);
  expect([...maskBits(['02', '01'], 2)]).toEqual([0, 1, 1, 0]);
});

test('ticks are round', () => {
  expect(linearTicks(74, 88, 6)).toEqual([75, 80, 85]);
  expect(logTicks(0.05, 1)).toEqual([0.05, 0.1, 0.2, 0.5, 1]);
});

test('csv quotes what needs it', () => {
  expect(csv([{a: 'x, "y"', b: 1}, {b: null, c: [1]}])).toBe('a,b,c\r\n"x, ""y""",1,\r\n,,[1]\r\n');
});

test('a thumbnail keeps short masks as they are and averages long ones', () => {
  const bits = Uint8Array.from([1, 0, 0, 1, 1, 0, 0, 0, 1]);
  expect(thumbnail(bits, 3, 128)).toEqual({side: 3, shares: Float32Array.from(bits)});
  // 2 x 2 squares; the last row and column hold what is left
  expect(thumbnail(bits, 3, 2)).toEqual({side: 2, shares: Float32Array.from([0.75, 0, 0, 1])});
  expect([0, 1, 2].map((row) => degreeOf(bits, 3, row))).toEqual([1, 2, 1]);
});

test('a learned distribution becomes a window, a mean and a median', () => {
  const ppm = [200_000, 0, 500_000, 300_000];
  expect(atLeast(ppm)).toEqual([1, 0.8, 0.8, 0.3]);
  expect(meanDegree(ppm)).toBeCloseTo(1.9, 12);
  expect(medianDegree(ppm)).toBe(2);
  expect(medianDegree([600_000, 400_000])).toBe(0);
  expect([reachOf({distributionPpm: ppm}), reachOf({span: 3.5}), reachOf({})]).toEqual([expect.closeTo(1.9, 12), 3.5, undefined]);
});

test('learned parameters are grouped by layer and heads, named as short as is clear, by epoch', () => {
  const rows = [{epoch: 2, heads: [0, 1]}, {epoch: 1, heads: [0, 1]}, {epoch: 1, layer: 3, heads: [0]}, {epoch: 1, layer: 3, heads: [1, 2, 5]}];
  expect(groupsOf(rows).map(({label, rows: of}) => [label, of.map((row) => row.epoch)])).toEqual([
    ['layer 0', [1, 2]], ['layer 3, head 0', [1]], ['layer 3, heads 1-2,5', [1]],
  ]);
});
