import { describe, expect, it } from 'vitest';
import { tooManyPixels, wrongNumber } from '../../web/src/studio/learn/numbers.ts';
import { judgeable, type LabelledPicture } from '../../web/src/studio/learn/samples.ts';
import { train as texts } from '../../web/src/studio/strings/train.ts';

const labelled = (...labels: string[]) =>
  ({
    picture: { id: 'p' },
    annotation: {
      ...{ width: 9, height: 9 },
      shapes: labels.map((label, i) => ({ label, box: [i, 0, i + 1, 1], groupId: null })),
    },
  }) as unknown as LabelledPicture;

describe('what a training is judged by', () => {
  it('is without classes that no picture to learn from has', () => {
    const [one, ...more] = judgeable([labelled('coin', 'rare')], ['coin']);
    expect(more).toEqual([]);
    expect(one!.annotation.shapes.map(({ label }) => label)).toEqual(['coin']);
    expect(one!.annotation.ignored).toEqual([{ box: [1, 0, 2, 1] }]);
    expect(judgeable([{ ...labelled('rare'), label: 'rare' }], ['coin'])).toEqual([]);
  });
});

describe('the numbers of a training', () => {
  it.each([0, -1, 0.5, 1e9, Number.NaN, Number.POSITIVE_INFINITY])('are refused for %s', (value) => {
    for (const name of ['steps', 'maxSide', 'cropSize', 'batchSize'] as const) {
      expect(wrongNumber({ [name]: value }, texts)).toContain(
        `${texts[name]}: ${value}; give a whole number`,
      );
    }
  });

  it('are taken where they are usual, and limited together', () => {
    expect(wrongNumber({ steps: 300, maxSide: 512, batchSize: 4, lr: 0.01, seed: 0 }, texts)).toBe(undefined);
    expect(tooManyPixels(4, 512)).toBe(undefined);
    expect(tooManyPixels(4096, 4096)).toContain('take 8 at most');
  });
});
