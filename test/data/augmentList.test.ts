import { describe, expect, it } from 'vitest';
import { checkAugment, TRANSFORM_NAMES } from '../../src/data/augment/check.ts';
import { sampleCrop } from '../../src/data/augment/crop.ts';
import type { Augment } from '../../src/data/augment/parameters.ts';
import { AUGMENT_PRESETS } from '../../src/data/augment/presets.ts';
import { cropImage } from '../../src/data/augment/resample.ts';
import * as transforms from '../../src/data/augment/transforms.ts';
import { UsageError } from '../../src/errors.ts';
import { Random } from '../../src/vision/random.ts';
import { coordinates } from './pixels.ts';

describe('a list of transforms', () => {
  it('is plain data, with a function for each name', () => {
    expect(Object.keys(transforms).sort()).toEqual([...TRANSFORM_NAMES].sort());
    expect(transforms.flip({ horizontal: 0.5 })).toEqual({ name: 'flip', horizontal: 0.5 });
    expect(transforms.rotate()).toEqual({ name: 'rotate' });
    const all = Object.values(transforms).map((make) => make());
    const list = all.filter(({ name }) => name !== 'crop');
    expect(checkAugment(JSON.parse(JSON.stringify(list)))).toEqual(list);
  });

  it('is ready-made by some names', () => {
    for (const [name, list] of Object.entries(AUGMENT_PRESETS)) {
      expect(checkAugment(JSON.parse(JSON.stringify(list)), name)).toEqual(list);
    }
    const mirrors = (list: Augment): unknown => list.find(({ name }) => name === 'flip');
    expect(mirrors(AUGMENT_PRESETS.text)).toBeUndefined();
    expect(mirrors(AUGMENT_PRESETS.aerial)).toMatchObject({ horizontal: 0.5, vertical: 0.5 });
    expect(AUGMENT_PRESETS.aerial).toContainEqual({ name: 'rotate90' });
  });

  it('is refused with what there is', () => {
    const refused = (value: unknown): string => {
      try {
        checkAugment(value);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        return (error as Error).message;
      }
      return 'taken';
    };
    expect(refused('flip')).toBe(
      `checkAugment: is "flip"; give a list of transforms, such as [{ name: 'flip' }]`,
    );
    expect(refused([{ name: 'flip' }, null])).toMatch(
      /^checkAugment\[1\]: is null; give \{ name, … \} with one of flip/,
    );
    expect(refused([{}])).toMatch(/^checkAugment\[0\]: name is undefined; there are flip, rotate, /);
    expect(refused([{ name: 'gaussianBlur' }])).toMatch(/did you mean blur\?$/);
    expect(refused([{ name: 'toString' }])).toMatch(/^checkAugment\[0\]: name is "toString"; there are/);
    expect(refused([{ name: 'rotate', degree: 3 }])).toBe(
      'checkAugment[0]: rotate: takes [name,degrees,p], got [name,degree]; did you mean degrees?',
    );
    const wrong: readonly [object, string][] = [
      [{ name: 'flip', horizontal: '1' }, 'horizontal is "1"; give a number from 0 to 1'],
      [{ name: 'flip', vertical: Number.NaN }, 'vertical is NaN; give a number from 0 to 1'],
      [
        { name: 'rotate', degrees: -10 },
        'degrees is -10; give degrees from 0 to 180, or [least, most] of -180 to 180',
      ],
      [{ name: 'rotate', degrees: [10, -10] }, 'degrees is [10,-10]; give degrees'],
      [{ name: 'zoom', scale: [2, 1] }, 'scale is [2,1]; give [smallest, largest] of 0.001 to 1000'],
      [{ name: 'zoom', scale: [0, 1] }, 'scale is [0,1]'],
      [{ name: 'zoom', scale: 2 }, 'scale is 2'],
      [{ name: 'affine', shear: [0, 90] }, 'shear is [0,90]'],
      [{ name: 'affine', shear: [0, 10, 20] }, 'shear is [0,10,20]'],
      [{ name: 'affine', translate: [0.1] }, 'translate is [0.1]; give fractions [x, y] of 0 to 1'],
      [{ name: 'perspective', distortionScale: 1 }, 'distortionScale is 1'],
      [{ name: 'resize', fit: 'inside' }, 'fit is "inside"; give cover or contain or fill'],
      [{ name: 'crop', position: 'middle' }, 'position is "middle"; give random or center'],
      [
        { name: 'colorJitter', contrast: 1.5 },
        'contrast is 1.5; give a number from 0 to 1, or [least, most]',
      ],
      [{ name: 'colorJitter', hue: 0.6 }, 'hue is 0.6'],
      [{ name: 'blur', sigma: -1 }, 'sigma is -1'],
      [{ name: 'cutout', count: 1.5 }, 'count is 1.5; give an integer from 1 to 1000'],
      [{ name: 'mixUp', alpha: 0 }, 'alpha is 0; give a number above 0'],
    ];
    for (const [transform, message] of wrong) expect(refused([transform])).toContain(`: ${message}`);
    expect(refused([{ name: 'crop' }, { name: 'randomResizedCrop' }])).toBe(
      'checkAugment: has crop and randomResizedCrop, which both place the crop; leave one out',
    );
    expect(() => transforms.flip({ horizontal: 2 })).toThrow(
      'flip: horizontal is 2; give a number from 0 to 1',
    );
  });

  it('for one image has no transform that needs others', () => {
    const image = { width: 8, height: 8 };
    for (const augment of [[transforms.mosaic()], [transforms.cutMix()]]) {
      expect(() => sampleCrop(image, { size: [4, 4], augment }, new Random(0))).toThrow(
        `sampleCrop: augment has ${augment[0]!.name}, which needs other samples; use BatchSource, or leave it out`,
      );
    }
  });
});

describe('each transform', () => {
  const image = coordinates(60, 50);
  const crop = (augment: Augment, seed: number | string): Float32Array =>
    cropImage(image, sampleCrop(image, { size: [24, 32], augment }, new Random(seed)));
  const single = Object.values(transforms)
    .map((make) => make())
    .filter(({ name }) => !['mosaic', 'mixUp', 'cutMix', 'crop'].includes(name));

  it.each(single)('$name gives the same for the same seed, and something else for others', (transform) => {
    const list: Augment = [transform];
    for (let seed = 0; seed < 5; seed++) expect(crop(list, seed)).toEqual(crop(list, seed));
    const results = Array.from({ length: 12 }, (_, seed) => crop(list, seed).join());
    expect(new Set(results).size).toBeGreaterThan(1);
  });

  it('leaves the draws of the others alone, whatever its strength', () => {
    const weak = [
      transforms.colorJitter({ p: 0.5, hue: 0.1 }),
      transforms.cutout({ p: 0.1 }),
      transforms.zoom(),
    ];
    const strong = [
      transforms.colorJitter({ p: 0.9, hue: 0.5 }),
      transforms.cutout({ p: 0.9 }),
      transforms.zoom(),
    ];
    for (let seed = 0; seed < 10; seed++) {
      const [a, b] = [weak, strong].map((augment) =>
        sampleCrop(image, { size: [9, 9], augment }, new Random(seed)),
      );
      expect(a!.toImage).toEqual(b!.toImage);
    }
  });

  it('is applied as often as p says', () => {
    const random = new Random(1);
    let count = 0;
    for (let i = 0; i < 2000; i++) {
      const augment = [transforms.blur({ p: 0.3 })];
      count += sampleCrop(image, { size: [4, 4], augment }, random).effects.length;
    }
    // Three standard deviations of a binomial count.
    expect(Math.abs(count - 600)).toBeLessThan(3 * Math.sqrt(2000 * 0.3 * 0.7));
  });
});
