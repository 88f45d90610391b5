import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useRows } from './rows.ts';

/** Pixels of a tile, and between tiles. Wide screens have larger tiles, not hundreds of them. */
const TILE = { least: 132, share: 1 / 16, gap: 12, caption: 48 };

/** As many columns as fit, and the side of a tile. */
export function columnsOf(width: number): { readonly columns: number; readonly side: number } {
  const least = Math.max(TILE.least, TILE.share * width);
  const columns = Math.max(2, Math.floor((width + TILE.gap) / (least + TILE.gap)));
  return { columns, side: Math.max(1, Math.floor((width - (columns - 1) * TILE.gap) / columns)) };
}

/** Where a key leads from a place in the grid; undefined for keys that lead nowhere. */
export function placeAfter(
  key: string,
  at: number,
  { columns, count, page }: { readonly columns: number; readonly count: number; readonly page: number },
): number | undefined {
  const to = {
    ...{ ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns },
    ...{ PageUp: at - page * columns, PageDown: at + page * columns, Home: 0, End: count - 1 },
  }[key];
  if (to === undefined || (to >= 0 && to < count)) return to;
  // A page leads to the end, and the last row may be shorter than the one above.
  const below = key === 'ArrowDown' && Math.floor(at / columns) < Math.floor((count - 1) / columns);
  return below || key.startsWith('Page') ? Math.min(Math.max(to, 0), count - 1) : at;
}

interface GridProps<Item> {
  /** What the grid shows, for screen readers. */
  readonly label: string;
  readonly items: readonly Item[];
  keyOf(item: Item): string;
  /** A tile of so many pixels, above its caption. Of all tiles one takes the focus by Tab; the arrow keys lead to the others. */
  // What else it shows it reads from signals, as a tile is rendered again only where its item or place is another one.
  render(item: Item, side: number, tabIndex: 0 | -1): ComponentChildren;
  /** Keys that lead from tile to tile with Shift. */
  onExtend(from: Item, to: Item): void;
  /** Any other key on a tile. */
  onKey(event: KeyboardEvent, item: Item): void;
}

interface Kept {
  readonly inputs: readonly unknown[];
  readonly made: VNode;
}

/**
 * Keeps what was rendered last for each key: where it was made of the same, Preact does not look at it again. Of a frame of scrolling, the
 * tiles that come are the work.
 */
function useKept(): (key: string, inputs: readonly unknown[], make: () => VNode) => VNode {
  const last = useRef(new Map<string, Kept>());
  const next = new Map<string, Kept>();
  useLayoutEffect(() => {
    last.current = next;
  });
  return (key, inputs, make) => {
    const before = last.current.get(key);
    const same = before?.inputs.every((input, i) => input === inputs[i]);
    const own = before && same ? before : { inputs, made: make() };
    next.set(key, own);
    return own.made;
  };
}

/**
 * A grid of tiles that scrolls: of any number of items the ones in sight exist. Screen readers hear the place of each among all.
 */
export function Grid<Item>({ label, items, keyOf, render, onExtend, onKey }: GridProps<Item>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  /** The tile that has the focus, or had it last. */
  const [current, setCurrent] = useState(0);
  /** The tile that is to have the focus once it exists. */
  const wanted = useRef(-1);
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
  const inSight = rows.getVirtualItems();
  const first = (inSight[0]?.index ?? 0) * columns;
  const end = Math.min(items.length, ((inSight.at(-1)?.index ?? -1) + 1) * columns);
  const kept = useKept();
  const tabbable = current >= first && current < end ? current : first;

  useLayoutEffect(() => {
    if (wanted.current < 0) return;
    const link = scroller.current!.querySelector<HTMLElement>(`[data-index="${wanted.current}"] a`);
    if (!link) return;
    wanted.current = -1;
    link.focus({ preventScroll: true });
  });
  const indexOf = (target: EventTarget | null): number =>
    Number((target as Element).closest<HTMLElement>('[data-index]')?.dataset.index ?? -1);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = indexOf(event.target);
    const item = items[at];
    if (item === undefined || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.current!.clientHeight / height));
    const to =
      event.ctrlKey || event.metaKey
        ? undefined
        : placeAfter(event.key, at, { columns, count: items.length, page });
    if (to === undefined) return onKey(event, item);
    event.preventDefault();
    wanted.current = to;
    setCurrent(to);
    rows.scrollToIndex(Math.floor(to / columns));
    if (event.shiftKey) onExtend(item, items[to]!);
  };
  return (
    <div class="grid" ref={scroller}>
      <ul
        aria-label={label}
        style={{ height: `${rows.getTotalSize()}px` }}
        onKeyDown={onKeyDown}
        onFocusIn={({ target }) => setCurrent(Math.max(0, indexOf(target)))}
      >
        {inSight.flatMap(({ index, start }) =>
          items.slice(index * columns, (index + 1) * columns).map((item, column) => {
            const at = index * columns + column;
            const inputs = [item, at, side, column, start, at === tabbable, items.length] as const;
            return kept(keyOf(item), inputs, () => (
              <li
                key={keyOf(item)}
                data-index={at}
                aria-posinset={at + 1}
                aria-setsize={items.length}
                style={{
                  width: `${side}px`,
                  height: `${height - TILE.gap}px`,
                  transform: `translate(${column * (side + TILE.gap)}px, ${start}px)`,
                }}
              >
                {render(item, side, at === tabbable ? 0 : -1)}
              </li>
            ));
          }),
        )}
      </ul>
    </div>
  );
}
