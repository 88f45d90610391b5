// A recommender in a page: clicks on images become likes and dislikes, and a ranking by the cosine of their embeddings, with
// diversity. The embeddings were made by scripts/recommendItems.mjs; ranking 60 images needs no GPU.
import { type Recommendation, recommend } from 'fovea/similarity';
import { columns, embeddings, labels } from './items.json';

const items = {
  data: Float32Array.from(embeddings.flat()),
  shape: [embeddings.length, embeddings[0]!.length],
};
const rows = Math.ceil(labels.length / columns);
const SHOWN = 12;

const find = <K extends Element>(selector: string): K => document.querySelector<K>(selector)!;
const [recommended, all] = [find<HTMLOListElement>('#recommended'), find<HTMLOListElement>('#all')];
const diversity = find<HTMLInputElement>('#diversity');

/** What the visitor says of an item. */
const opinions = new Map<number, 'like' | 'dislike'>();

function decide(index: number, opinion: 'like' | 'dislike'): void {
  if (opinions.get(index) === opinion) opinions.delete(index);
  else opinions.set(index, opinion);
  show();
}

/** A button that says an opinion of an item, and whether it is held. */
function choice(index: number, opinion: 'like' | 'dislike'): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.setAttribute('aria-pressed', String(opinions.get(index) === opinion));
  button.addEventListener('click', () => decide(index, opinion));
  return button;
}

/** An item with its buttons: the image itself says that it is liked. */
function tile(index: number, score?: number): HTMLLIElement {
  const item = document.createElement('li');
  item.dataset.index = String(index);
  const image = choice(index, 'like');
  image.className = 'image';
  image.setAttribute('aria-label', `Like ${labels[index]}, image ${index + 1}`);
  const [x, y] = [index % columns, Math.floor(index / columns)];
  image.style.backgroundPosition = `${(100 * x) / (columns - 1)}% ${(100 * y) / (rows - 1)}%`;
  const not = choice(index, 'dislike');
  not.className = 'not';
  not.textContent = 'not this';
  not.setAttribute('aria-label', `Not this ${labels[index]}, image ${index + 1}`);
  item.append(image, not);
  if (score !== undefined) {
    const text = document.createElement('span');
    text.className = 'score';
    text.textContent = score.toFixed(2);
    item.append(text);
  }
  return item;
}

/** Replaces what a list shows. Where the focus was in it, it stays at the same place, or at the last one. */
function fill(list: HTMLOListElement, found: readonly Partial<Recommendation>[]): void {
  const focused = [...list.children].findIndex((item) => item.contains(document.activeElement));
  const kind = document.activeElement?.className;
  list.replaceChildren(...found.map(({ index, score }) => tile(index!, score)));
  if (focused < 0) return;
  list.children[Math.min(focused, found.length - 1)]?.querySelector<HTMLButtonElement>(`.${kind}`)?.focus();
}

function show(): void {
  const of = (wanted: 'like' | 'dislike') =>
    [...opinions].flatMap(([index, opinion]) => (opinion === wanted ? [index] : []));
  const [likes, dislikes] = [of('like'), of('dislike')];
  const lambda = 1 - Number(diversity.value);
  fill(recommended, recommend(items, { likes, dislikes }, { k: SHOWN, lambda }));
  fill(
    all,
    labels.map((_, index) => ({ index })),
  );
  find('#status').textContent =
    opinions.size === 0
      ? 'Nothing chosen yet: these are typical of what there is.'
      : `${likes.length} liked, ${dislikes.length} not. Below each image: how near it is to your taste, at most 1.`;
}

diversity.addEventListener('input', show);
find('#reset').addEventListener('click', () => {
  opinions.clear();
  show();
});
show();
