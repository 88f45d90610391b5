import { useEffect, useState } from 'preact/hooks';
import type { Picture } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { theStore } from '../../state.ts';
import { strings } from '../../strings.ts';
import type { Choice } from './choice.ts';

const texts = strings.pictures;

/** The address of a picture's thumbnail while it is shown. */
function useThumbnail(picture: Picture): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let own: string | undefined;
    let left = false;
    void theStore()
      .then((store) => store.thumbnailOf(picture))
      .then((blob) => {
        if (left || !blob) return;
        own = URL.createObjectURL(blob);
        setUrl(own);
      })
      // A picture without its thumbnail is shown without one.
      .catch(() => undefined);
    return () => {
      left = true;
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
  /** The number of its group, where groups are shown. */
  readonly group: number | undefined;
}

/** One picture of the grid: it leads to its labels, or is chosen. */
export function Tile({ picture, side, tabIndex, choice, group }: TileProps) {
  const url = useThumbnail(picture);
  const { id, name, split, objects, done } = picture;
  const chosen = choice.has(id);
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
