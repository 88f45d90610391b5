/** The classes of a project: new ones, changed ones, and the end of one. */
import type { LabelClass } from './model.ts';

export type ClassEdit =
  | { readonly kind: 'add' | 'change'; readonly one: LabelClass }
  /** Its objects go to the class `to`, or with it: `removeClass` of edits.ts says so of each picture. */
  | { readonly kind: 'remove'; readonly id: string; readonly to?: string };

/** Colours that are told apart; the first are those of Okabe and Ito, which also the colour-blind tell apart. */
export const PALETTE: readonly string[] = [
  '#e69f00',
  '#56b4e9',
  '#009e73',
  '#f0e442',
  '#0072b2',
  '#d55e00',
  '#cc79a7',
  '#7f52d6',
  '#8ad11f',
  '#e8344e',
  '#00c2b8',
  '#a06a3c',
];

/** The keys that choose classes: digits, then letters. */
const KEYS = [...'1234567890abcdefghijklmnopqrstuvwxyz'];

/** Whether a key may choose a class; the empty one may. */
export const isClassKey = (key: string): boolean => key === '' || KEYS.includes(key);

/** A new class of this name, with the first colour and key that no other has. */
export function newClass(classes: readonly LabelClass[], name: string, id: string): LabelClass {
  const color =
    PALETTE.find((one) => classes.every((other) => other.color !== one)) ??
    PALETTE[classes.length % PALETTE.length]!;
  const key = KEYS.find((one) => classes.every((other) => other.key !== one)) ?? '';
  return { id, name, color, key };
}

/** The classes after an edit. A key that a class takes from another is that class's alone. */
export function applyClassEdit(classes: readonly LabelClass[], edit: ClassEdit): readonly LabelClass[] {
  if (edit.kind === 'remove') return classes.filter(({ id }) => id !== edit.id);
  const { one } = edit;
  const others = classes.map((other) => {
    if (other.id === one.id) return one;
    return one.key !== '' && other.key === one.key ? { ...other, key: '' } : other;
  });
  return edit.kind === 'add' ? [...others, one] : others;
}
