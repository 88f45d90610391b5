import { describe, expect, it } from 'vitest';
import { applyClassEdit, isClassKey, newClass, PALETTE } from '../../web/src/studio/project/classes.ts';
import type { LabelClass, LabelObject } from '../../web/src/studio/project/model.ts';
import { createLabelState } from '../../web/src/studio/rooms/label/state.ts';

const coin: LabelClass = { id: 'a', name: 'coin', color: PALETTE[0]!, key: '1' };
const ring: LabelClass = { id: 'b', name: 'ring', color: PALETTE[1]!, key: '3' };

describe('classes', () => {
  it('get the first colour and key that are free', () => {
    expect(newClass([coin, ring], 'new', 'c')).toEqual({ id: 'c', name: 'new', color: PALETTE[2], key: '2' });
    let many: readonly LabelClass[] = [];
    for (let i = 0; i < 60; i++) many = [...many, newClass(many, `class ${i}`, `${i}`)];
    const keys = many.map(({ key }) => key).filter((key) => key !== '');
    expect(new Set(keys).size).toBe(36);
    expect(keys.every(isClassKey)).toBe(true);
    expect(isClassKey('?')).toBe(false);
  });

  it('take a key from another', () => {
    const changed = applyClassEdit([coin, ring], { kind: 'change', one: { ...ring, key: '1' } });
    expect(changed).toEqual([
      { ...coin, key: '' },
      { ...ring, key: '1' },
    ]);
    expect(applyClassEdit([coin, ring], { kind: 'remove', id: 'a' })).toEqual([ring]);
  });
});

describe('the state of the editor', () => {
  const object = (id: string, classId: string): LabelObject => ({
    id,
    classId,
    shape: { kind: 'point', at: [1, 2] },
  });

  it('never brings back an object of a class that is no more', () => {
    const state = createLabelState([object('1', 'a'), object('2', 'b')], [coin, ring]);
    const { onSelect, onClasses } = state.props.value;
    onSelect('1');
    onClasses({ kind: 'remove', id: 'a' });
    expect(state.objects.value.map(({ id }) => id)).toEqual(['2']);
    expect(state.props.value).toMatchObject({ selected: '', currentClass: 'b' });
    expect(state.props.value.undoStep).toBeUndefined();
    state.props.value.onUndo();
    expect(state.objects.value.map(({ id }) => id)).toEqual(['2']);
  });

  it('gives the objects of a class that ends to another', () => {
    const told: unknown[] = [];
    const state = createLabelState([object('1', 'a'), object('2', 'b')], [coin, ring], (edit) =>
      told.push(edit),
    );
    state.props.value.onClasses({ kind: 'remove', id: 'a', to: 'b' });
    expect(state.objects.value.map(({ classId }) => classId)).toEqual(['b', 'b']);
    expect(told).toEqual([{ kind: 'remove', id: 'a', to: 'b' }]);
  });
});
