import { describe, expect, it } from 'vitest';
import { counted, countedWarning } from '../../cli/src/counted.ts';

describe('counts', () => {
  it('have their noun in the singular or the plural', () => {
    expect(counted(1, 'step')).toBe('1 step');
    expect(counted(0, 'step')).toBe('0 steps');
    expect(counted(1, 'box', 'boxes')).toBe('1 box');
    expect(counted(2, 'box', 'boxes')).toBe('2 boxes');
  });

  it('of what a format cannot express too', () => {
    const one = {
      scores: 'score',
      'crowds, left out': 'crowd, left out',
      'difficult objects, left out': 'difficult object, left out',
      'boxes, rounded to whole pixels': 'box, rounded to whole pixels',
      'outlines, drawn as pixels': 'outline, drawn as pixels',
      'masks with holes, which were filled': 'mask with holes, which was filled',
      'regions to ignore, which became background': 'region to ignore, which became background',
      'objects with flags': 'object with flags',
      'images where objects cover each other: a pixel has only one':
        'image where objects cover each other: a pixel has only one',
    };
    for (const [many, single] of Object.entries(one)) {
      expect(countedWarning(many, 1)).toBe(`1 ${single}`);
      expect(countedWarning(many, 2)).toBe(`2 ${many}`);
    }
  });
});
