import { expect, it } from 'vitest';
import { Random } from '../../src/vision/random.ts';
import { mutateModel, onnxSeeds, recordModel } from './onnx.ts';

// `npm run fuzz:weights -- --file onnx` makes many more, and measures time and memory.
const RUNS = 8;

it('mutated ONNX models are recorded or refused with a typed error', () => {
  const outcomes = new Set<string>();
  for (const [name, seed] of Object.entries(onnxSeeds(new URL('../fixtures', import.meta.url).pathname))) {
    expect(recordModel(seed)).toBe('read');
    for (let i = 0; i < RUNS; i++) outcomes.add(recordModel(mutateModel(seed, new Random(`${name} ${i}`))));
  }
  for (const outcome of ['read', 'DataError', 'UnsupportedError', 'ShapeError']) {
    expect(outcomes).toContain(outcome);
  }
});
