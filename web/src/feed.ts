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

export function startFeed(): void {
  const source = new EventSource('/v1/events');
  source.onopen = () => {
    connected.value = true;
    // What changed before the stream stood (or while the server was away) is not replayed.
    publish({type: 'reset'});
  };
  source.onmessage = (message: MessageEvent<string>) => publish(JSON.parse(message.data) as FeedEvent);
  source.onerror = () => {
    connected.value = false;
    if (source.readyState !== EventSource.CLOSED) return;  // the browser tries again
    source.close();
    setTimeout(startFeed, 2000);
  };
}
