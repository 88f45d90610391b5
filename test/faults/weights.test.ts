import { expect, it } from 'vitest';
import { Random } from '../../src/vision/random.ts';
import { mutateFile, readByDoor, readFile, seedFiles } from './weights.ts';

// `npm run fuzz:weights` makes 100,000, and measures time and memory.
const RUNS = 200;
const seeds = seedFiles(new URL('../fixtures/torch_files', import.meta.url).pathname);

it.each(
  Object.entries(seeds),
)('mutated files like %s are read or refused with a typed error', async (name, seed) => {
  expect(await readFile(seed, true)).toBe('read');
  const outcomes = new Set<string>();
  for (let i = 0; i < RUNS; i++) {
    const random = new Random(`${name} ${i}`);
    outcomes.add(await readFile(mutateFile(seed, random), readByDoor(name) || i % 2 === 0));
  }
  expect(outcomes).toContain('DataError');
  expect(outcomes).toContain('read');
});
