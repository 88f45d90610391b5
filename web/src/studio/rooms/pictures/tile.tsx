import { useEffect, useState } from 'preact/hooks';
import type { Picture } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { theStore } from '../../state.ts';
import { strings } from '../../strings.ts';
import type { Alike } from './alike.ts';
import type { Choice } from './choice.ts';

const texts = strings.pictures;

/** Milliseconds after which a thumbnail is read, though the page has other work. */
const PATIENCE = 300;

/** Does something when the page has nothing else to do; returns what keeps it from being done. */
function whenIdle(work: () => void): () => void {
  if (typeof requestIdleCallback === 'undefined') {
    const timer = setTimeout(work);
    return () => clearTimeout(timer);
  }
  const wish = requestIdleCallback(work, { timeout: PATIENCE });
  return () => cancelIdleCallback(wish);
}

/** The address of a picture's thumbnail while it is shown. One that leaves before the page has rested is never read. */
function useThumbnail(picture: Picture): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let own: string | undefined;
    let left = false;
    const read = async () => {
      const blob = await (await theStore()).thumbnailOf(picture);
      if (left || !blob) return;
      own = URL.createObjectURL(blob);
      setUrl(own);
    };
    // A picture without its thumbnail is shown without one.
    const stop = whenIdle(() => void read().catch(() => undefined));
    return () => {
      left = true;
      stop();
      if (own) URL.revokeObjectURL(own);
    };
  }, [picture.id]);
  return url;
}

interface TileProps {
  readonly picture: Picture;
  readonly side: number;
  readonly tabIndex: 0 | -1;
  readonly choice: Choice;
  /** The number of each picture's group, where groups are shown. */
  readonly groupOf: Alike['groupOf'];
}

/** One picture of the grid: it leads to its labels, or is chosen. */
export function Tile({ picture, side, tabIndex, choice, groupOf }: TileProps) {
  const url = useThumbnail(picture);
  const { id, name, split, objects, done } = picture;
  const chosen = choice.has(id);
  const group = groupOf.value.get(id);
  const short = name.split('/').at(-1)!;
  const choose = ({ shiftKey }: MouseEvent) => (shiftKey ? choice.extend(id) : choice.toggle(id));
  const onClick = (event: MouseEvent) => {
    // Once some are chosen, pointers choose; the keys of a link lead to the labels as ever.
    const choosing = event.shiftKey || event.ctrlKey || event.metaKey || choice.ids.value.size > 0;
    if (!choosing || event.detail === 0) return;
    event.preventDefault();
    choose(event);
  };
  return (
    <div class={chosen ? 'tile-box chosen' : 'tile-box'} data-group={group && group % 2}>
      <a
        class="tile"
        href={hrefOf('label', id)}
        title={name}
        tabIndex={tabIndex}
        draggable={false}
        onClick={onClick}
      >
        <span class="unseen">{chosen ? texts.openChosen : texts.open} </span>
        <span class="thumb" style={{ height: `${side}px` }}>
          {url && <img src={url} alt="" decoding="async" draggable={false} />}
        </span>
        <span class="name">{short}</span>
        <span class="soft">
          {group && `${texts.alike.group(group)} · `}
          {texts.objects(objects)}
          {done ? ` · ${texts.done}` : ''}
        </span>
        <span class={`split ${split}`} style={{ insetBlockEnd: `calc(100% - ${side - 5}px)` }}>
          {texts.splits[split]}
        </span>
      </a>
      <input
        type="checkbox"
        class="pick"
        tabIndex={-1}
        checked={chosen}
        aria-label={texts.choose(name)}
        onClick={choose}
      />
    </div>
  );
}
