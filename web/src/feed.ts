// The live feed: one EventSource for the page. It resumes by itself (Last-Event-ID); what it cannot
// resume arrives as `reset`, which means "look at everything again".
import {signal} from '@preact/signals';
import type {WatchEventsResponseJson} from './gen/sparsweep/v1/sweep_pb';

export type FeedEvent = WatchEventsResponseJson;
type Listener = (event: FeedEvent) => void;

export const connected = signal(false);
const listeners = new Set<Listener>();

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function publish(event: FeedEvent): void {
  for (const listener of [...listeners]) listener(event);
}

let source: EventSource | undefined;

function close(): void {
  source?.close();
  source = undefined;
  connected.value = false;
}

function open(): void {
  if (source !== undefined || document.hidden) return;
  const stream = new EventSource('/v1/events');
  source = stream;
  stream.onopen = () => {
    connected.value = true;
    // What changed before the stream stood (or while the server was away) is not replayed.
    publish({type: 'reset'});
  };
  stream.onmessage = (message: MessageEvent<string>) => publish(JSON.parse(message.data) as FeedEvent);
  stream.onerror = () => {
    connected.value = false;
    if (stream.readyState !== EventSource.CLOSED || stream !== source) return;  // the browser tries again
    close();
    setTimeout(open, 2000);
  };
}

// A hidden tab gives its connection back: a browser has six for a server, whatever the number of tabs.
export function startFeed(): void {
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  open();
}
