import { createHash } from 'node:crypto';
import { escapeXml } from 'fovea/draw';

/** An image of a page: its file, and its size in pixels. */
export interface PageImage {
  /** PNG, JPEG or WebP bytes. */
  readonly image: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** An image of a gallery's item. */
export interface GalleryImage extends PageImage {
  /** E.g. `labelled` or `predicted`. */
  readonly caption?: string;
  /** What is to be seen, for readers who do not see it. */
  readonly alt: string;
}

/** What an item is found by: a value for each filter of the gallery. */
export interface GalleryTag {
  readonly values: readonly string[];
  /** Items are sorted by it while this tag is chosen, the highest first. Default 0. */
  readonly rank?: number;
}

export interface GalleryItem {
  readonly title: string;
  /** E.g. what is wrong; names in it may be written from right to left. */
  readonly notes?: readonly string[];
  readonly images: readonly GalleryImage[];
  readonly tags: readonly GalleryTag[];
}

/** Images that the reader of a page can filter. */
export interface Gallery {
  readonly title: string;
  readonly note?: string;
  /** The colours of outlines. */
  readonly legend?: readonly { readonly name: string; readonly color: string }[];
  /** E.g. `error` and `class`; none where there is nothing to choose. Values are listed in the order of `values`, or else by the number of their items. */
  readonly filters: readonly { readonly name: string; readonly values?: readonly string[] }[];
  /** Counts of pairs of the first two filters' values, row by row. Its cells choose both. */
  readonly matrix?: { readonly names: readonly string[]; readonly counts: ArrayLike<number> };
  /** In the order in which they are shown. */
  readonly items: readonly GalleryItem[];
  /** What an item is, one and several, in one word each. Default: image, images. */
  readonly noun?: readonly [one: string, several: string];
}

/** A matrix of more classes is too large to choose from: the lists are there. */
const MOST_CELLS = 20;

const e = escapeXml;

/** An image as an address that contains it. */
export function dataUri(image: Uint8Array): string {
  const type = image[0] === 0xff && image[1] === 0xd8 ? 'jpeg' : image[0] === 0x52 ? 'webp' : 'png';
  return `data:image/${type};base64,${Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64')}`;
}

export const GALLERY_STYLE = `
.filters{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin:12px 0}
.filters[hidden]{display:none}
.filters label{display:flex;gap:6px;align-items:center;min-width:0;max-width:100%}
.filters select{font:inherit;min-width:0;max-width:min(60vw,260px);padding:3px 6px;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:6px}
.filters button{font:inherit;padding:3px 10px;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:6px;cursor:pointer}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0;padding:0;list-style:none;font-size:14px}
.matrix button{all:unset;display:block;width:100%;text-align:right;cursor:pointer;color:var(--accent);text-decoration:underline}
.matrix button:focus-visible{outline:2px solid var(--accent)}
.matrix th,.matrix td{padding:4px 8px;max-width:140px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.cards{display:grid;gap:16px;align-items:start;margin:12px 0 0;padding:0;list-style:none;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}
.cards.wide{grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr))}
.cards>li{min-width:0;padding:8px;background:var(--panel);border:1px solid var(--line);border-radius:8px}
.cards>li[hidden]{display:none}
.cards h4{margin:0 0 2px;font-size:14px;overflow-wrap:anywhere}
.cards p{margin:0 0 6px;font-size:14px;color:var(--soft);overflow-wrap:anywhere}
.shots{display:grid;gap:8px;grid-template-columns:repeat(auto-fit,minmax(min(100%,150px),1fr))}
.shots figure{margin:0;padding:0;border:0;background:none;min-width:0}
.shots img{width:100%}
.shots figcaption{padding:2px 0 0;font-size:13px}
`;

/** Shows the items of which a tag has all that is chosen, those with the highest rank first. Without it all are shown. */
const SCRIPT = `
for (const gallery of document.querySelectorAll('.gallery')) {
  const form = gallery.querySelector('.filters');
  if (!form) continue;
  const list = gallery.querySelector('.cards');
  const [one, several] = gallery.dataset.noun.split(' ');
  const selects = [...form.querySelectorAll('select')];
  const items = [...list.children].map((element) => ({
    element,
    tags: (element.dataset.tags || '').split(' ').filter(Boolean).map((tag) => tag.split(':')),
  }));
  const update = () => {
    const chosen = selects.map(({ value }) => value);
    const any = chosen.some((value) => value !== '');
    let count = 0;
    const ranked = items.map(({ element, tags }, place) => {
      const ranks = tags
        .filter((tag) => chosen.every((value, i) => value === '' || tag[i] === value))
        .map((tag) => Number(tag[tag.length - 1]));
      const shown = !any || ranks.length > 0;
      element.hidden = !shown;
      if (shown) count++;
      return { element, rank: any && shown ? Math.max(...ranks) : 0, place };
    });
    ranked.sort((a, b) => b.rank - a.rank || a.place - b.place);
    list.append(...ranked.map(({ element }) => element));
    form.querySelector('output').textContent = count + ' of ' + items.length + ' ' + (items.length === 1 ? one : several);
  };
  for (const select of selects) select.addEventListener('change', update);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.querySelector('button').addEventListener('click', () => {
    for (const select of selects) select.value = '';
    update();
  });
  for (const cell of gallery.querySelectorAll('.matrix button')) {
    cell.addEventListener('click', () => {
      const [row, column] = cell.dataset.cell.split(':');
      selects[0].value = row;
      selects[1].value = column;
      update();
      form.scrollIntoView({ block: 'start' });
    });
  }
  form.hidden = false;
  update();
}
`;

/** The script of pages with galleries, and what a content security policy says to allow it and nothing else. */
export const GALLERY_SCRIPT = {
  element: `<script>${SCRIPT}</script>`,
  policy: `'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
};

/** The values of each filter, in the order in which they are listed, and how many items have each. */
function valuesOf({ filters, items }: Gallery): Map<string, number>[] {
  return filters.map(({ values }, f) => {
    const counts = new Map<string, number>();
    for (const { tags } of items) {
      for (const value of new Set(tags.map((tag) => tag.values[f]!))) {
        counts.set(value, (counts.get(value) ?? 0) + 1);
      }
    }
    const known = values?.filter((value) => counts.has(value)) ?? [];
    const rest = [...counts.keys()]
      .filter((value) => !known.includes(value))
      .sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1));
    return new Map([...known, ...rest].map((value) => [value, counts.get(value)!]));
  });
}

function itemHtml(
  { title, notes = [], images, tags }: GalleryItem,
  numbers: readonly Map<string, number>[],
): string {
  const list = tags.map(({ values, rank = 0 }) =>
    [...values.map((value, f) => numbers[f]!.get(value)!), Number(rank.toPrecision(6))].join(':'),
  );
  const shots = images.map(
    ({ image, width, height, caption, alt }) =>
      `<figure><img src="${dataUri(image)}" alt="${e(alt)}" width="${width}" height="${height}" style="max-width:${width}px" loading="lazy" decoding="async">${caption === undefined ? '' : `<figcaption>${e(caption)}</figcaption>`}</figure>`,
  );
  return `<li data-tags="${[...new Set(list)].join(' ')}"><h4><bdi>${e(title)}</bdi></h4>${notes.length === 0 ? '' : `<p>${notes.map((note) => `<bdi>${e(note)}</bdi>`).join(', ')}</p>`}<div class="shots">${shots.join('')}</div></li>`;
}

function matrixHtml({ matrix, filters }: Gallery, numbers: readonly Map<string, number>[]): string {
  if (!matrix || matrix.names.length > MOST_CELLS) return '';
  const { names, counts } = matrix;
  const cell = (row: string, column: string, count: number): string => {
    const [r, c] = [numbers[0]?.get(row), numbers[1]?.get(column)];
    if (count === 0 || r === undefined || c === undefined) return count === 0 ? '' : String(count);
    return `<button type="button" data-cell="${r}:${c}" title="${e(`${row}, taken for ${column}`)}">${count}</button>`;
  };
  const rows = names.map(
    (row, i) =>
      `<tr><th scope="row" title="${e(row)}">${e(row)}</th>${names.map((column, j) => `<td class="n">${cell(row, column, counts[i * names.length + j]!)}</td>`).join('')}</tr>`,
  );
  const head = names.map((name) => `<th scope="col" class="n" title="${e(name)}">${e(name)}</th>`);
  return `<div class="scroll"><table class="matrix"><thead><tr><th scope="col">${e(`${filters[0]!.name} \u2193 ${filters[1]!.name} \u2192`)}</th>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** A gallery as a part of a page. */
export function galleryHtml(gallery: Gallery): string {
  const { title, note, legend = [], filters, items, noun = ['image', 'images'] } = gallery;
  const counts = valuesOf(gallery);
  const numbers = counts.map((values) => new Map([...values.keys()].map((value, i) => [value, i])));
  const selects = filters.map(({ name }, f) => {
    const options = [...counts[f]!].map(
      ([value, count], i) => `<option value="${i}">${e(value)} (${count})</option>`,
    );
    return `<label>${e(name)} <select><option value="">all</option>${options.join('')}</select></label>`;
  });
  const chips = legend.map(
    ({ name, color }) =>
      `<li><span class="chip" style="background:${e(color)}"></span><bdi>${e(name)}</bdi></li>`,
  );
  const wide = items.some(({ images }) => images.length > 1);
  return `<div class="gallery" data-noun="${e(noun.join(' '))}"><h3>${e(title)}</h3>
${note === undefined ? '' : `<p class="soft">${e(note)}</p>`}
${matrixHtml(gallery, numbers)}
${selects.length === 0 ? '' : `<form class="filters" hidden>${selects.join('')}<button type="button">show all</button><output class="soft"></output></form>`}
${chips.length > 0 ? `<ul class="legend">${chips.join('')}</ul>` : ''}
<ul class="cards${wide ? ' wide' : ''}">
${items.map((item) => itemHtml(item, numbers)).join('\n')}
</ul></div>`;
}
