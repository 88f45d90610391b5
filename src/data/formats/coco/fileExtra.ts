import type { Extra } from '../../annotation.ts';
import type { JsonItem } from '../../jsonStream.ts';
import { extraOf } from '../extra.ts';
import { parseLoose } from '../looseJson.ts';

/** More text of a file than this is not kept for writing it again. */
const MOST_KEPT = 1 << 20;

/** What a COCO file says beyond images, annotations and categories: `info`, `licenses` and so on. */
export class FileExtra {
  readonly #values = new Map<string, unknown>();
  #kept = 0;

  add({ key, index, text }: JsonItem): void {
    this.#kept += text.length;
    const value = this.#kept > MOST_KEPT ? undefined : valueIn(text);
    if (value === undefined) {
      if (!this.#values.has(key)) this.#values.set(key, true);
      return;
    }
    const list = this.#values.get(key);
    if (index < 0) this.#values.set(key, value);
    else if (Array.isArray(list)) list.push(value);
    else this.#values.set(key, [value]);
  }

  get extra(): { readonly extra?: Extra } {
    const found = extraOf('coco', Object.fromEntries(this.#values), new Set());
    return found.extra && this.#kept > MOST_KEPT ? { extra: { values: found.extra.values } } : found;
  }
}

/** A value that nobody needs: where it cannot be read, that is no fault. */
function valueIn(text: string): unknown {
  try {
    return parseLoose(text);
  } catch {
    return undefined;
  }
}
