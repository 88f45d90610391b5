/**
 * Commands on the objects of a picture, and their undoing. A command says what it changes as a `Step`, which knows the objects before and
 * after and can so be turned round. Steps hold references to objects that nobody changes in place: a thousand of them are small.
 */
import type { LabelObject, LabelShape } from './model.ts';

export type StepKind = 'add' | 'remove' | 'shape' | 'class' | 'accept';

export interface Change {
  /** Where it is in the list that has it: `before`'s place for what is removed, `after`'s for what is added. */
  readonly at: number;
  /** Undefined for what is added. */
  readonly before?: LabelObject;
  /** Undefined for what is removed. */
  readonly after?: LabelObject;
}

export interface Step {
  readonly kind: StepKind;
  /** Ascending in `at`. */
  readonly changes: readonly Change[];
  /** Steps that follow each other with the same word are undone as one, such as those of one drag. */
  readonly merge?: string;
}

/** Adds objects after all others, so that they lie on top. */
export const addObjects = (objects: readonly LabelObject[], added: readonly LabelObject[]): Step => ({
  kind: 'add',
  changes: added.map((after, i) => ({ at: objects.length + i, after })),
});

export function removeObjects(objects: readonly LabelObject[], ids: Iterable<string>): Step {
  const gone = new Set(ids);
  const changes = objects.flatMap((before, at) => (gone.has(before.id) ? [{ at, before }] : []));
  return { kind: 'remove', changes };
}

/** What a person has edited is no proposal any more. */
const edited = ({ score: _, ...object }: LabelObject): LabelObject => object;

function change(
  kind: StepKind,
  objects: readonly LabelObject[],
  ids: Iterable<string>,
  next: (object: LabelObject) => LabelObject,
): Step {
  const chosen = new Set(ids);
  const changes = objects.flatMap((before, at): Change[] => {
    if (!chosen.has(before.id)) return [];
    const after = next(before);
    return after === before ? [] : [{ at, before, after }];
  });
  return { kind, changes };
}

/** Gives an object another shape; a proposal is accepted by it. */
export function replaceShape(
  objects: readonly LabelObject[],
  id: string,
  shape: LabelShape,
  merge?: string,
): Step {
  const step = change('shape', objects, [id], (object) =>
    object.shape === shape ? object : edited({ ...object, shape }),
  );
  return merge === undefined ? step : { ...step, merge };
}

/** Gives objects another class; proposals are accepted by it. */
export const changeClass = (objects: readonly LabelObject[], ids: Iterable<string>, classId: string): Step =>
  change('class', objects, ids, (object) =>
    object.classId === classId ? object : edited({ ...object, classId }),
  );

/** Makes objects of proposals. */
export const acceptProposals = (objects: readonly LabelObject[], ids: Iterable<string>): Step =>
  change('accept', objects, ids, (object) => (object.score === undefined ? object : edited(object)));

/** What the end of a class does to a picture's objects: they go to the class `to`, or go with it. */
export function removeClass(objects: readonly LabelObject[], classId: string, to?: string): Step {
  const ids = objects.filter((object) => object.classId === classId).map(({ id }) => id);
  return to === undefined ? removeObjects(objects, ids) : changeClass(objects, ids, to);
}

/** The objects after a step. */
export function applyStep(objects: readonly LabelObject[], { changes }: Step): readonly LabelObject[] {
  if (changes.length === 0) return objects;
  const changed = new Map<string, LabelObject | undefined>();
  const inserted: Change[] = [];
  for (const one of changes) {
    if (one.before) changed.set(one.before.id, one.after);
    else inserted.push(one);
  }
  const kept: LabelObject[] = [];
  for (const object of objects) {
    const next = changed.has(object.id) ? changed.get(object.id) : object;
    if (next) kept.push(next);
  }
  if (inserted.length === 0) return kept;
  const result: LabelObject[] = [];
  let from = 0;
  for (const { at, after } of inserted) {
    while (result.length < at && from < kept.length) result.push(kept[from++]!);
    result.push(after!);
  }
  for (; from < kept.length; from++) result.push(kept[from]!);
  return result;
}

const INVERSE: Readonly<Record<StepKind, StepKind>> = {
  add: 'remove',
  remove: 'add',
  shape: 'shape',
  class: 'class',
  accept: 'accept',
};

/** The step that undoes a step. */
export const inverseOf = ({ kind, changes }: Step): Step => ({
  kind: INVERSE[kind],
  changes: changes.map(({ at, before, after }) => ({
    at,
    ...(after ? { before: after } : {}),
    ...(before ? { after: before } : {}),
  })),
});

interface Stack {
  readonly step: Step;
  readonly below: Stack | undefined;
}

/** The objects of a picture, and what led to them. */
export interface EditHistory {
  readonly objects: readonly LabelObject[];
  readonly past: Stack | undefined;
  readonly future: Stack | undefined;
}

export const startHistory = (objects: readonly LabelObject[]): EditHistory => ({
  objects,
  past: undefined,
  future: undefined,
});

/** One step for two, the first of which changed the same objects as the second. */
function merged(first: Step, second: Step): Step | undefined {
  if (first.merge === undefined || first.merge !== second.merge || first.kind !== second.kind)
    return undefined;
  if (first.changes.length !== second.changes.length) return undefined;
  const changes: Change[] = [];
  for (const [i, { at, before, after }] of first.changes.entries()) {
    const next = second.changes[i]!;
    if (!before || !next.after || next.before !== after) return undefined;
    changes.push({ at, before, after: next.after });
  }
  return { ...first, changes };
}

/** Takes a step; what was undone before it cannot be redone any more. A step that changes nothing is none. */
export function takeStep(history: EditHistory, step: Step): EditHistory {
  if (step.changes.length === 0) return history;
  const { past, future } = history;
  const objects = applyStep(history.objects, step);
  const one = past && !future ? merged(past.step, step) : undefined;
  const top = one ? { step: one, below: past!.below } : { step, below: past };
  return { objects, past: top, future: undefined };
}

/** Takes the last step back; the same history where there is none. */
export function undo(history: EditHistory): EditHistory {
  const { past, future } = history;
  if (!past) return history;
  return {
    objects: applyStep(history.objects, inverseOf(past.step)),
    past: past.below,
    future: { step: past.step, below: future },
  };
}

/** Takes again the step that was undone last; the same history where there is none. */
export function redo(history: EditHistory): EditHistory {
  const { past, future } = history;
  if (!future) return history;
  return {
    objects: applyStep(history.objects, future.step),
    past: { step: future.step, below: past },
    future: future.below,
  };
}
