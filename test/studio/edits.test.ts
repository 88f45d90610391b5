import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptProposals,
  addObjects,
  applyStep,
  changeClass,
  type EditHistory,
  inverseOf,
  redo,
  removeClass,
  removeObjects,
  replaceShape,
  startHistory,
  takeStep,
  undo,
} from '../../web/src/studio/project/edits.ts';
import type { LabelObject } from '../../web/src/studio/project/model.ts';

const made = (id: string, classId = 'a', score?: number): LabelObject => ({
  id,
  classId,
  shape: { kind: 'box', box: [0, 0, 10, 10] },
  ...(score === undefined ? {} : { score }),
});
const three = [made('1'), made('2', 'b', 0.5), made('3')];
const ids = (objects: readonly LabelObject[]) => objects.map(({ id }) => id).join('');
const moved = (x: number) => ({ kind: 'box', box: [x, 0, x + 10, 10] }) as const;

describe('edits', () => {
  it('add, remove, replace and change the class', () => {
    expect(ids(applyStep(three, addObjects(three, [made('4'), made('5')])))).toBe('12345');
    expect(ids(applyStep(three, removeObjects(three, ['1', '3'])))).toBe('2');
    expect(applyStep(three, replaceShape(three, '3', moved(5)))[2]!.shape).toEqual(moved(5));
    expect(applyStep(three, changeClass(three, ['1', '3'], 'b')).map(({ classId }) => classId)).toEqual([
      'b',
      'b',
      'b',
    ]);
  });

  it('make an object of a proposal when it is accepted, moved or given a class', () => {
    for (const step of [
      acceptProposals(three, ['2']),
      replaceShape(three, '2', moved(1)),
      changeClass(three, ['2'], 'a'),
    ]) {
      expect(applyStep(three, step)[1]).not.toHaveProperty('score');
      expect(applyStep(applyStep(three, step), inverseOf(step))).toEqual(three);
    }
  });

  it('keep what they do not change', () => {
    const one: LabelObject = { ...made('1', 'a', 0.5), group: 3, flags: { crowd: true } };
    const [after] = applyStep([one], replaceShape([one], '1', moved(1)));
    expect(after).toEqual({ id: '1', classId: 'a', shape: moved(1), group: 3, flags: { crowd: true } });
  });

  it('give the objects of a class that ends to another, or remove them', () => {
    expect(ids(applyStep(three, removeClass(three, 'a')))).toBe('2');
    expect(applyStep(three, removeClass(three, 'a', 'b')).every(({ classId }) => classId === 'b')).toBe(true);
  });

  it('leave alone what they do not concern', () => {
    const after = applyStep(three, replaceShape(three, '2', moved(3)));
    expect(after[0]).toBe(three[0]);
    expect(after[2]).toBe(three[2]);
    expect(removeObjects(three, ['none']).changes).toEqual([]);
    expect(changeClass(three, ['1'], 'a').changes).toEqual([]);
  });
});

describe('the history', () => {
  it('takes back and takes again', () => {
    let history = startHistory(three);
    history = takeStep(history, removeObjects(history.objects, ['2']));
    history = takeStep(history, addObjects(history.objects, [made('4')]));
    expect(ids(history.objects)).toBe('134');
    history = undo(undo(history));
    expect(history.objects).toEqual(three);
    expect(undo(history)).toBe(history);
    history = redo(redo(history));
    expect(ids(history.objects)).toBe('134');
    expect(redo(history)).toBe(history);
  });

  it('makes one step of a drag', () => {
    let history = startHistory(three);
    for (let x = 1; x <= 50; x++) {
      history = takeStep(history, replaceShape(history.objects, '1', moved(x), 'drag 1'));
    }
    history = takeStep(history, replaceShape(history.objects, '1', moved(7), 'drag 2'));
    history = undo(history);
    expect(history.objects[0]!.shape).toEqual(moved(50));
    history = undo(history);
    expect(history.objects).toEqual(three);
    expect(history.past).toBeUndefined();
    history = redo(history);
    expect(history.objects[0]!.shape).toEqual(moved(50));
  });

  it('does not merge drags of two objects, nor with what was undone', () => {
    let history = takeStep(startHistory(three), replaceShape(three, '1', moved(1), 'drag'));
    history = takeStep(history, replaceShape(history.objects, '3', moved(1), 'drag'));
    history = undo(history);
    expect(history.objects[0]!.shape).toEqual(moved(1));
    history = takeStep(history, replaceShape(history.objects, '1', moved(2), 'drag'));
    expect(undo(history).objects[0]!.shape).toEqual(moved(1));
  });

  it('forgets what was undone once another step is taken, but not for a step that changes nothing', () => {
    const history = undo(takeStep(startHistory(three), removeObjects(three, ['1'])));
    expect(takeStep(history, removeObjects(three, []))).toBe(history);
    expect(takeStep(history, removeObjects(three, ['2'])).future).toBeUndefined();
  });

  it('comes back to every state it had, whatever was done', () => {
    const command = fc.record({
      kind: fc.constantFrom('add', 'remove', 'shape', 'class', 'accept'),
      pick: fc.array(fc.nat(9), { maxLength: 4 }),
      value: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        let history: EditHistory = startHistory(three);
        let next = 10;
        const states = [history.objects];
        for (const { kind, pick, value } of commands) {
          const { objects } = history;
          const chosen = pick.flatMap((i) => objects[i]?.id ?? []);
          const step =
            kind === 'add'
              ? addObjects(
                  objects,
                  pick.map(() => made(String(next++), 'a', value % 2 ? 0.5 : undefined)),
                )
              : kind === 'remove'
                ? removeObjects(objects, chosen)
                : kind === 'shape'
                  ? replaceShape(objects, chosen[0] ?? '', moved(value))
                  : kind === 'class'
                    ? changeClass(objects, chosen, value % 2 ? 'a' : 'b')
                    : acceptProposals(objects, chosen);
          const after = takeStep(history, step);
          if (after !== history) states.push(after.objects);
          history = after;
        }
        for (let i = states.length - 1; i > 0; i--) {
          expect(history.objects).toEqual(states[i]);
          history = undo(history);
        }
        expect(history.objects).toEqual(three);
        for (const state of states.slice(1)) {
          history = redo(history);
          expect(history.objects).toEqual(state);
        }
      }),
    );
  });
});
