import type { ReadOptions } from './format.ts';

/** Labels that look alike: the same without blanks at the ends, and without regard to upper and lower case. */
const keyOf = (label: string): string => label.trim().normalize('NFC').toLowerCase();

/** Notes labels that begin or end with a blank, and classes that differ in blanks or upper and lower case alone: slips, mostly. */
export class LabelNotes {
  readonly #onFault: ReadOptions['onFault'];
  readonly #seen = new Set<string>();
  readonly #known = new Map<string, Set<string>>();

  constructor({ onFault }: ReadOptions) {
    this.#onFault = onFault;
  }

  /** Notes what is odd about a label, once. `where` is the file, or the place in it, that has it. */
  add(where: string, label: string): void {
    if (this.#seen.has(label)) return;
    this.#seen.add(label);
    const key = keyOf(label);
    const alike = this.#known.get(key) ?? new Set();
    const [other] = alike;
    this.#known.set(key, alike.add(label));
    const name = JSON.stringify(label);
    if (other !== undefined) {
      this.#note(
        `${where}: the classes ${JSON.stringify(other)} and ${name} differ only in blanks or in upper and lower case; they are two classes`,
      );
    } else if (label !== label.trim()) {
      this.#note(`${where}: the class ${name} begins or ends with a blank`);
    }
  }

  #note(message: string): void {
    this.#onFault?.({ level: 'note', kind: 'class name', message });
  }
}
