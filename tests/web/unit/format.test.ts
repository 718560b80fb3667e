// Numbers and times as the dashboard prints them.
import {ago, axisText, bytes, density, difference, duration, idOf, lowerIsBetter, metricName, metricValue, pValue, stateName, withUnit} from '../../../web/src/logic/format';

test('shares are percent, other metrics keep four digits', () => {
  expect(metricValue(0.8675, 'accuracy')).toBe('86.8');
  expect(metricValue(0.8675, 'dev/accuracy')).toBe('86.8');
  expect(metricValue(0.331249, 'loss')).toBe('0.3312');
  expect(metricValue(-0.02, 'matthews')).toBe('−2.0');
  expect(metricValue(undefined, 'accuracy')).toBe('–');
  expect(metricValue(Number.NaN, 'loss')).toBe('–');
});

test('bytes are millions, and a metric has its name and unit', () => {
  expect(metricValue(621_515_660, 'peak_bytes')).toBe('621.5');
  expect(difference(-1_500_000, 'peak_bytes')).toBe('−1.5');
  expect(['peak_bytes', 'latency_ms', 'accuracy', 'perplexity'].map(withUnit)).toEqual(['peak memory, MB', 'latency, ms', 'accuracy, %', 'perplexity']);
  expect(['peak_bytes', 'latency_ms', 'accuracy'].map(metricName)).toEqual(['peak memory', 'latency', 'accuracy']);
  expect(['peak_bytes', 'latency_ms', 'perplexity', 'loss', 'accuracy', 'f1', 'pearson'].map(lowerIsBetter)).toEqual([true, true, true, true, false, false, false]);
});

test('differences carry their sign, and nothing is plain zero', () => {
  expect(difference(-0.117, 'accuracy')).toBe('−11.7');
  expect(difference(0.006, 'accuracy')).toBe('+0.6');
  expect(difference(-0.0001, 'accuracy')).toBe('0.0');
  expect(difference(0, 'loss')).toBe('0');
  expect(difference(undefined, 'accuracy')).toBe('–');
});

test('small densities keep two digits', () => {
  expect([1, 0.31, 0.0625, 0.0031, 0].map(density)).toEqual(['1.000', '0.310', '0.063', '0.0031', '0.000']);
});

test('p values below a thousandth are not spelled out', () => {
  expect([0.0004, 0.0312, 1, undefined].map(pValue)).toEqual(['< 0.001', '0.031', '1.000', '–']);
});

test('durations grow their unit', () => {
  expect([0, 3.25, 59, 61, 3600, 5400, 86400 * 3].map(duration)).toEqual(['–', '3.3 s', '59 s', '1 min', '1 h', '1 h 30 min', '3 days']);
  expect(ago('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:02:00Z'))).toBe('2 min ago');
  expect(ago(undefined, 0)).toBe('–');
});

test('sizes, states, names and axis values', () => {
  expect([0, 500, 312e6, 8.49e9].map(bytes)).toEqual(['–', '500 B', '298 MiB', '7.9 GiB']);
  expect(stateName('SWEEP_STATE_RUNNING')).toBe('running');
  expect(stateName(undefined)).toBe('unknown');
  expect(idOf('sweeps/12')).toBe('12');
  expect([null, 'last 3', 0.00003, true].map(axisText)).toEqual(['–', 'last 3', '0.00003', 'true']);
});
