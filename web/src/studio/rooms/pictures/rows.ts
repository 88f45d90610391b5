import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import { useLayoutEffect, useMemo, useReducer } from 'preact/hooks';

type RowOptions = VirtualizerOptions<HTMLElement, Element>;

/** Rows of a scrolling element, of which those in sight exist. */
export function useRows(
  scroller: HTMLElement | null,
  count: number,
  size: number,
): Virtualizer<HTMLElement, Element> {
  const [, again] = useReducer((turn: number) => turn + 1, 0);
  const options: RowOptions = {
    count,
    estimateSize: () => size,
    getScrollElement: () => scroller,
    overscan: 2,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => again(undefined as never),
  };
  const virtualizer = useMemo(() => new Virtualizer<HTMLElement, Element>(options), []);
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, size, count]);
  return virtualizer;
}
