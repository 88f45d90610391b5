import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';

/** Pixels of a tile, and between tiles. */
const TILE = { least: 132, gap: 12, caption: 48 };

/** As many columns as fit, and the side of a tile. */
export function columnsOf(width: number): { readonly columns: number; readonly side: number } {
  const columns = Math.max(2, Math.floor((width + TILE.gap) / (TILE.least + TILE.gap)));
  return { columns, side: Math.max(1, Math.floor((width - (columns - 1) * TILE.gap) / columns)) };
}

type RowOptions = VirtualizerOptions<HTMLElement, Element>;

/** Rows of a scrolling element, of which those in sight exist. */
function useRows(
  scroller: HTMLElement | null,
  count: number,
  size: number,
): Virtualizer<HTMLElement, Element> {
  const [, again] = useReducer((turn: number) => turn + 1, 0);
  const options: RowOptions = {
    count,
    estimateSize: () => size,
    getScrollElement: () => scroller,
    overscan: 3,
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

interface GridProps<Item> {
  /** What the grid shows, for screen readers. */
  readonly label: string;
  readonly items: readonly Item[];
  keyOf(item: Item): string;
  /** A tile of so many pixels, above its caption. */
  render(item: Item, side: number): ComponentChildren;
}

/**
 * A grid of tiles that scrolls: of any number of items the ones in sight exist. Screen readers hear the place of each among all.
 */
export function Grid<Item>({ label, items, keyOf, render }: GridProps<Item>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const own = scroller.current!;
    setElement(own);
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(own);
    return () => observer.disconnect();
  }, []);
  const { columns, side } = columnsOf(width);
  const height = side + TILE.caption + TILE.gap;
  const rows = useRows(element, width === 0 ? 0 : Math.ceil(items.length / columns), height);
  return (
    <div class="grid" ref={scroller}>
      <ul aria-label={label} style={{ height: `${rows.getTotalSize()}px` }}>
        {rows.getVirtualItems().flatMap(({ index, start }) =>
          items.slice(index * columns, (index + 1) * columns).map((item, column) => (
            <li
              key={keyOf(item)}
              aria-posinset={index * columns + column + 1}
              aria-setsize={items.length}
              style={{
                width: `${side}px`,
                height: `${height - TILE.gap}px`,
                transform: `translate(${column * (side + TILE.gap)}px, ${start}px)`,
              }}
            >
              {render(item, side)}
            </li>
          )),
        )}
      </ul>
    </div>
  );
}
