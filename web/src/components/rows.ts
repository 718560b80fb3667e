// Which rows of a long table are in the document: @tanstack/virtual-core bound to Preact.
import {elementScroll, observeElementOffset, observeElementRect, Virtualizer} from '@tanstack/virtual-core';
import {useEffect, useReducer, useRef} from 'preact/hooks';

const kWindowFrom = 150;  // fewer rows are simply all there
const kRowHeight = 37;    // style.css: .tall tr

export interface Rows {
  container: {current: HTMLDivElement | null};
  tall: boolean;
  start: number;
  end: number;
  before: number;  // pixels of the rows left out above and below
  after: number;
}

export function useRows(total: number): Rows {
  const container = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const tall = total > kWindowFrom;
  const options = {
    count: tall ? total : 0,
    getScrollElement: () => container.current,
    estimateSize: () => kRowHeight,
    overscan: 12,
    initialRect: {width: 0, height: 600},
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(0),
  };
  const virtualizer = useRef<Virtualizer<HTMLDivElement, Element> | null>(null);
  virtualizer.current ??= new Virtualizer(options);
  virtualizer.current.setOptions(options);
  useEffect(() => virtualizer.current?._didMount(), []);
  useEffect(() => virtualizer.current?._willUpdate());

  if (!tall) return {container, tall, start: 0, end: total, before: 0, after: 0};
  const items = virtualizer.current.getVirtualItems();
  const first = items[0];
  const last = items[items.length - 1];
  if (!first || !last) return {container, tall, start: 0, end: Math.min(total, 30), before: 0, after: 0};
  return {
    container, tall, start: first.index, end: last.index + 1,
    before: first.start, after: virtualizer.current.getTotalSize() - last.end,
  };
}
