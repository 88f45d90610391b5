import { useEffect, useState } from 'preact/hooks';
import type { Picture } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { theStore } from '../../state.ts';
import { strings } from '../../strings.ts';

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

/** One picture of the grid: it leads to its labels. */
export function Tile({ picture, side }: { readonly picture: Picture; readonly side: number }) {
  const url = useThumbnail(picture);
  const short = picture.name.split('/').at(-1)!;
  return (
    <a
      class="tile"
      href={hrefOf('label', picture.id)}
      title={picture.name}
      aria-label={texts.open(picture.name)}
    >
      <span class="thumb" style={{ height: `${side}px` }}>
        {url && <img src={url} alt="" loading="lazy" decoding="async" draggable={false} />}
      </span>
      <span class="name">{short}</span>
      <span class="soft">
        {texts.objects(picture.objects)}
        {picture.done ? ` · ${texts.done}` : ''}
      </span>
    </a>
  );
}
