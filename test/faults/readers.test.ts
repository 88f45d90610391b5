import { expect, it } from 'vitest';
import { Random } from '../../src/vision/random.ts';
import { mutate, readFolder, seedFolders } from './readers.ts';

// `npm run fuzz:readers` makes 20,000 of each, and measures time and memory.
const RUNS = 300;

it.each([
  'labelme',
  'coco',
  'voc',
  'yolo',
  'masks',
  'darknet',
])('mutated files of %s are read or refused with a typed error', async (reader) => {
  const seed = (await seedFolders())[reader]!;
  expect(await readFolder(reader, seed, false)).toBe('read');
  const outcomes = new Set<string>();
  for (let i = 0; i < RUNS; i++) {
    const random = new Random(`${reader} ${i}`);
    outcomes.add(await readFolder(reader, mutate(seed, random), i % 2 === 0));
  }
  expect(outcomes).toContain('read');
  expect(outcomes).toContain('DataError');
});
