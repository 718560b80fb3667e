// Numbers and times as people read them. Absent values are a dash, minus signs are real ones.
export const kNone = '–';

// A 64-bit number of the API: a string, absent when 0.
export const int = (value: string | number | undefined): number => Number(value ?? 0);

const minus = (text: string): string => text.replace('-', '−');
const finite = (value: number | undefined | null): value is number => value != null && Number.isFinite(value);

// How a metric is shown: shares of one (and Matthews) in percent, bytes in millions.
const kShares = /(^|\/)(accuracy|f1|matthews|exact_match)$/;
export const isShare = (metric: string): boolean => kShares.test(metric);

export function scaleOf(metric: string): {factor: number; unit: string} {
  if (isShare(metric)) return {factor: 100, unit: '%'};
  if (metric.endsWith('_bytes')) return {factor: 1e-6, unit: 'MB'};
  return {factor: 1, unit: metric.endsWith('_ms') ? 'ms' : ''};
}

// "peak_bytes" as "peak memory", and with its unit as "peak memory, MB"; percent is said where it stands alone.
export const metricName = (metric: string): string => metric.replace(/_bytes$/, ' memory').replace(/_ms$/, '');
export const withUnit = (metric: string): string => {
  const {unit} = scaleOf(metric);
  return unit === '' ? metricName(metric) : `${metricName(metric)}, ${unit}`;
};

export const lowerIsBetter = (metric: string): boolean => /(perplexity|loss|_ms|_bytes)$/.test(metric);

export function metricValue(value: number | undefined, metric: string, digits = 1): string {
  if (!finite(value)) return kNone;
  const scaled = scaleOf(metric).factor * value;
  return minus(isShare(metric) ? scaled.toFixed(digits) : significant(scaled, 4));
}

// With its sign: "+0.3", "−11.7", "0.0" for what rounds to nothing.
export function difference(value: number | undefined, metric: string): string {
  if (!finite(value)) return kNone;
  const scaled = scaleOf(metric).factor * value;
  const text = isShare(metric) ? scaled.toFixed(1) : significant(scaled, 3);
  if (Number(text) === 0) return text.replace('-', '');
  return value > 0 ? `+${text}` : minus(text);
}

export function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
}

export const percent = (value: number | undefined, digits = 1): string =>
  finite(value) ? `${minus((100 * value).toFixed(digits))} %` : kNone;

export function density(value: number | undefined): string {
  if (!finite(value)) return kNone;
  return value >= 0.0995 || value === 0 ? value.toFixed(3) : value.toPrecision(2);
}

export function pValue(value: number | undefined): string {
  if (!finite(value)) return kNone;
  return value < 0.001 ? '< 0.001' : value.toFixed(3);
}

export const count = (value: number): string => value.toLocaleString('en').replaceAll(',', ' ');

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

export function duration(seconds: number | undefined): string {
  if (!finite(seconds) || seconds <= 0) return kNone;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} days`;
}

export function bytes(value: number | undefined): string {
  if (!finite(value) || value <= 0) return kNone;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function ago(time: string | undefined, now: number): string {
  if (!time) return kNone;
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 5) return 'now';
  return `${duration(Math.max(10, seconds))} ago`;
}

// SWEEP_STATE_RUNNING -> running
export const stateName = (state: string | undefined): string =>
  (state ?? '').replace(/^.*_STATE_/, '').toLowerCase().replace('unspecified', 'unknown') || 'unknown';

export const idOf = (name: string | undefined): string => (name ?? '').split('/').pop() ?? '';

// A value of an axis as the sweep file would write it, without the quotes.
export function axisText(value: unknown): string {
  if (value === null || value === undefined) return kNone;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
