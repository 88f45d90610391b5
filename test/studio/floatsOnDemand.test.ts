import { describe, expect, it } from 'vitest';
import type { FloatImage } from '../../src/data/image.ts';
import { FloatsOnDemand } from '../../web/src/studio/learn/floatsOnDemand.ts';

const image = (width: number, height: number, value: (i: number) => number): FloatImage => ({
  ...{ width, height, channels: 3 },
  data: Float32Array.from({ length: width * height * 3 }, (_, i) => value(i)),
});

describe('pictures that are kept as bytes', () => {
  it('have the values of their files, and rounded ones in between', () => {
    const onDemand = new FloatsOnDemand();
    const exact = image(4, 3, (i) => (i * 7) / 255);
    const { width, height, channels, data } = onDemand.keep(exact);
    expect([width, height, channels]).toEqual([4, 3, 3]);
    expect(data).toEqual(exact.data);
    const between = onDemand.keep(image(2, 1, (i) => [0, 1, 0.5, 0.3001, 1.2, -0.1][i]!)).data;
    expect([...between].map((value) => Math.round(255 * value))).toEqual([0, 255, 128, 77, 255, 0]);
  });

  it('are made once as long as they fit, the last used ones first', () => {
    const bytes = 2 * 2 * 3 * 4;
    const onDemand = new FloatsOnDemand(2 * bytes);
    const [a, b, c] = [0.2, 0.4, 0.6].map((value) => onDemand.keep(image(2, 2, () => value)));
    const first = a!.data;
    const second = b!.data;
    expect(a!.data).toBe(first);
    expect(b!.data).toBe(second);
    // A third one takes the place of the one that was not used for longest.
    expect(a!.data).toBe(first);
    void c!.data;
    expect(a!.data).toBe(first);
    expect(b!.data).not.toBe(second);
    expect(b!.data).toEqual(second);
  });

  it('are given even if one alone is larger than what is kept', () => {
    const onDemand = new FloatsOnDemand(1);
    const kept = onDemand.keep(image(8, 8, (i) => (i % 256) / 255));
    expect(kept.data).toHaveLength(192);
    expect(kept.data).toEqual(kept.data);
  });
});
