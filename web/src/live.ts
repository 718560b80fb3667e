// Data that stays fresh: loads, and loads again when the feed says that something wanted changed.
// Bursts of events become one request, and a slow answer is asked for less often.
import {useEffect, useRef, useState} from 'preact/hooks';
import {ApiError} from './api';
import {onEvent, type FeedEvent} from './feed';

const kShortestPause = 250;
const kPausePerLoad = 3;  // pause between loads, in durations of the last one

export interface Live<T> {
  data: T | undefined;
  error: ApiError | undefined;
  reload: () => void;
}

// `load` may hand over parts as they arrive; they are shown only while there is nothing else.
export type Load<T> = (signal: AbortSignal, partial: (value: T) => void) => Promise<T>;

export function useLive<T>(key: string, load: Load<T>, wanted: (event: FeedEvent) => boolean): Live<T> {
  const [state, setState] = useState<{key: string; data?: T; error?: ApiError}>({key});
  const latest = useRef({load, wanted});
  latest.current = {load, wanted};
  const reload = useRef(() => {});

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running = false;
    let again = false;
    let pause = kShortestPause;
    let first = true;

    const run = async () => {
      running = true;
      again = false;
      const start = performance.now();
      try {
        const data = await latest.current.load(abort.signal, (part) => {
          if (first && !abort.signal.aborted) setState({key, data: part});
        });
        if (!abort.signal.aborted) setState({key, data});
        first = false;
      } catch (error) {
        if (!abort.signal.aborted) setState((old) => ({...(old.key === key ? old : {key}), error: ApiError.from(error)}));
      }
      running = false;
      pause = Math.max(kShortestPause, kPausePerLoad * (performance.now() - start));
      if (again) schedule();
    };
    const schedule = () => {
      again = true;
      if (running || timer !== undefined || abort.signal.aborted) return;
      timer = setTimeout(() => {
        timer = undefined;
        void run();
      }, pause);
    };
    reload.current = schedule;
    void run();
    const stop = onEvent((event) => {
      if (event.type === 'reset' || latest.current.wanted(event)) schedule();
    });
    return () => {
      stop();
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);

  const mine = state.key === key ? state : undefined;
  return {data: mine?.data, error: mine?.error, reload: () => reload.current()};
}
