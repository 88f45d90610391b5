import { newClass } from '../../project/classes.ts';
import { strings } from '../../strings.ts';
import type { EditorProps } from './types.ts';

interface NewObject {
  /** What the editor is given, from now on. */
  readonly inputs: EditorProps;
  /** What there is to say; empty for nothing. */
  readonly said: string;
}

/**
 * Sees to it that there is a class for a new object: the chosen one, else the first. Where there is none yet one is made, so that a
 * first object needs no form; it can be renamed.
 */
export function withClass(inputs: EditorProps): NewObject {
  const { classes, currentClass } = inputs;
  if (classes.some(({ id }) => id === currentClass)) return { inputs, said: '' };
  const [first] = classes;
  const one = first ?? newClass([], strings.label.firstClass, crypto.randomUUID());
  if (!first) inputs.onClasses({ kind: 'add', one });
  inputs.onCurrentClass(one.id);
  return {
    inputs: { ...inputs, classes: first ? classes : [one], currentClass: one.id },
    said: first ? '' : strings.label.firstClassMade(one.name),
  };
}
