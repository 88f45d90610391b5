import { describe, expect, it } from 'vitest';
import { sampleCrop } from '../../src/data/augment/crop.ts';
import type { Augment } from '../../src/data/augment/parameters.ts';
import { cropImage } from '../../src/data/augment/resample.ts';
import {
  crop as cropTo,
  flip,
  perspective,
  rotate,
  rotate90,
  zoom,
} from '../../src/data/augment/transforms.ts';
import { cropLabels } from '../../src/data/cropTargets.ts';
import type { FloatImage } from '../../src/data/image.ts';
import { Random } from '../../src/vision/random.ts';
import { blank, coordinates } from './pixels.ts';

describe('turns', () => {
  const image = (): FloatImage => {
    const own = coordinates(50, 40);
    return { ...own, data: own.data.map((value, i) => (value + ((i * 37) % 101) / 101) / 3) };
  };
  const once = (augment: Augment, seed: number): Float32Array =>
    cropImage(image(), sampleCrop(image(), { size: [24, 24], augment }, new Random(seed)));
  const turn = (pixels: Float32Array, side: number): Float32Array =>
    Float32Array.from(pixels, (_, i) => {
      const [v, u] = [Math.floor(i / 3 / side), Math.floor(i / 3) % side];
      // Counter-clockwise: what was at the right is at the top.
      return pixels[3 * (u * side + side - 1 - v) + (i % 3)]!;
    });

  it('by 90 degrees are quarter turns, bit for bit, at any scale', () => {
    for (const scale of [1, 1.37]) {
      const zoomed = zoom({ scale: [scale, scale] });
      // A square crop is at the same place, turned or not.
      for (let seed = 0; seed < 5; seed++) {
        let wanted = once([zoomed, cropTo()], seed);
        for (const degrees of [90, 180, -90]) {
          wanted = turn(wanted, 24);
          const got = once([zoomed, cropTo(), rotate({ degrees: [degrees, degrees] })], seed);
          if (scale === 1) expect(got).toEqual(wanted);
          else
            got.forEach((value, i) => {
              expect(Math.abs(value - wanted[i]!)).toBeLessThan(2e-6);
            });
        }
      }
    }
  });

  it('and mirrors undo themselves', () => {
    const both = flip({ horizontal: 1, vertical: 1 });
    for (let seed = 0; seed < 5; seed++) {
      expect(once([cropTo(), both, both], seed)).toEqual(once([cropTo()], seed));
      expect(once([cropTo(), both], seed)).toEqual(once([cropTo(), rotate({ degrees: [180, 180] })], seed));
    }
  });

  it('read no grey corners where the image goes on', () => {
    const random = new Random(5);
    for (let i = 0; i < 50; i++) {
      const augment = [rotate({ degrees: 180 }), perspective({ distortionScale: 0.2 })];
      const crop = sampleCrop({ width: 200, height: 200 }, { size: [64, 64], augment }, random);
      expect(cropImage(blank(200, 200, 1), crop).every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
    }
  });
});

describe('shrunk crops', () => {
  it('average the pixels that they merge', () => {
    const image = blank(48, 40);
    const random = new Random(1);
    for (let i = 0; i < image.data.length; i++) image.data[i] = random.uniform();
    const augment = [zoom({ scale: [0.25, 0.25] })];
    const shrunk = cropImage(image, sampleCrop(image, { size: [10, 12], augment }, random));
    shrunk.forEach((value, i) => {
      const [u, v] = [Math.floor(i / 3) % 12, Math.floor(i / 36)];
      let sum = 0;
      for (let k = 0; k < 16; k++) {
        sum += image.data[3 * ((4 * v + (k >> 2)) * 48 + 4 * u + (k % 4)) + (i % 3)]!;
      }
      expect(Math.abs(value - sum / 16)).toBeLessThan(1e-6);
    });
  });

  it('turn stripes into grey, whatever their direction', () => {
    const image = blank(300, 300);
    for (let i = 0; i < 300 * 300; i++) image.data.fill(Math.floor((i % 300) / 2) % 2, 3 * i, 3 * i + 3);
    const random = new Random(2);
    for (const move of [rotate90(), rotate({ degrees: 180 }), perspective({ distortionScale: 0.1 })]) {
      for (let round = 0; round < 5; round++) {
        const augment = [zoom({ scale: [0.2, 0.3] }), move];
        const pixels = cropImage(image, sampleCrop(image, { size: [24, 24], augment }, random));
        const wrong = pixels.filter((value) => Math.abs(value - 0.5) > 0.3);
        expect(wrong.length, JSON.stringify(augment)).toBe(0);
      }
    }
  });

  it('keep to their region, and leave what is outside', () => {
    const image = blank(100, 100, 0.25);
    const augment = [zoom({ scale: [0.21, 0.4] }), rotate({ degrees: 180 }), cropTo({ fill: 1 })];
    const random = new Random(3);
    for (let round = 0; round < 10; round++) {
      const crop = sampleCrop(image, { size: [30, 30], region: [20, 30, 70, 90], augment }, random);
      const pixels = cropImage(image, crop);
      const labels = cropLabels({ shapes: [{ label: 'a', box: [0, 0, 100, 100], groupId: null }] }, crop, [
        'a',
      ]);
      labels.forEach((label, i) => {
        expect(pixels[3 * i]).toBe(label === 1 ? 0.25 : 1);
      });
    }
  });
});
