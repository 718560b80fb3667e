// Small pieces that every page uses.
import type {ComponentChildren} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import type {ApiError, CoverageJson} from '../api';
import {count, duration, int, plural} from '../logic/format';

const kSigns: Record<string, string> = {
  succeeded: '✓', failed: '✕', running: '▶', queued: '·', expanding: '…', paused: '‖', cancelled: '⊘',
  online: '●', draining: '◐', lost: '✕', left: '○', quarantined: '!', replicate: '✓',
};

// A state is a sign and a word, never a colour alone.
export function State({name}: {name: string}) {
  return <span class={`state ${name}`}><span aria-hidden="true">{kSigns[name] ?? '?'}</span> {name}</span>;
}

export function Problem({error}: {error: ApiError | undefined}) {
  return error ? <p class="problem" role="alert">{error.message}</p> : null;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · sparsweep`;
  }, [title]);
}

// The time, again every few seconds, for "2 min ago".
export function useNow(every = 5000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

// Width of an element's content box, for charts that draw in pixels.
export function useWidth(element: {current: HTMLElement | null}, start = 600): number {
  const [width, setWidth] = useState(start);
  useEffect(() => {
    const node = element.current;
    if (!node) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(node);
    setWidth(Math.floor(node.clientWidth));
    return () => observer.disconnect();
  }, [element]);
  return width;
}

export interface Counts {
  trials: number;
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  paused: number;  // of the queued
}

export const countsOf = (coverage: CoverageJson | undefined): Counts => ({
  trials: int(coverage?.trials), queued: int(coverage?.queued), running: int(coverage?.running),
  succeeded: int(coverage?.succeeded), failed: int(coverage?.failed), cancelled: int(coverage?.cancelled),
  paused: int(coverage?.paused),
});

export function Progress({counts, label}: {counts: Counts; label: string}) {
  const {trials, succeeded, failed, running, cancelled} = counts;
  const part = (kind: string, n: number) =>
    n > 0 ? <span class={kind} style={{width: `${(100 * n) / trials}%`}} /> : null;
  return (
    <div class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={trials}
      aria-valuenow={succeeded + failed + cancelled} aria-valuetext={progressText(counts)}>
      {part('succeeded', succeeded)}{part('failed', failed)}{part('cancelled', cancelled)}{part('running', running)}
    </div>
  );
}

export function progressText({trials, succeeded, failed, running, cancelled, paused}: Counts): string {
  const parts = [`${count(succeeded)} of ${plural(trials, 'trial')} done`];
  if (running > 0) parts.push(`${count(running)} running`);
  if (paused > 0) parts.push(`${count(paused)} paused`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (cancelled > 0) parts.push(`${count(cancelled)} cancelled`);
  return parts.join(', ');
}

// Facts on one line, parted by dots; empty ones are left out.
export function Line({items, status = false}: {items: readonly (string | undefined | false)[]; status?: boolean}) {
  const shown = items.filter((item) => item !== undefined && item !== false && item !== '');
  return <p class="note" role={status ? 'status' : undefined}>{shown.join(' · ')}</p>;
}

export const timeLeft = (seconds: number | string | undefined): string =>
  int(seconds) > 0 ? `${duration(int(seconds))} left` : '';

export function Section({title, id, children}: {title: string; id: string; children: ComponentChildren}) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

// The table twin of a chart.
export function Twin({children, title = 'The same as a table', label = 'Chart as a table'}: {children: ComponentChildren; title?: string; label?: string}) {
  return <details class="twin"><summary>{title}</summary><div class="scroll" tabIndex={0} role="region" aria-label={label}>{children}</div></details>;
}

export interface Choice {
  value: string;
  label: string;
}
export function Select(props: {label: string; value: string; choices: readonly Choice[]; onChange: (value: string) => void}) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.choices.map(({value, label}) => <option key={value} value={value} selected={value === props.value}>{label}</option>)}
      </select>
    </label>
  );
}
