import type { BatchName } from '../work.ts';
import type { BatchKind } from './kind.ts';

export type { BatchKind, OptionFiles, Sink } from './kind.ts';

const KINDS: Readonly<Record<BatchName, () => Promise<BatchKind>>> = {
  detect: async () => (await import('./places.ts')).detectKind,
  segment: async () => (await import('./places.ts')).segmentKind,
  classify: async () => (await import('./classify.ts')).classifyKind,
  convert: async () => (await import('./convert.ts')).convertKind,
  cutout: async () => (await import('./cutout.ts')).cutoutKind,
  embed: async () => (await import('./embed.ts')).embedKind,
  eval: async () => (await import('./eval.ts')).evalKind,
  hash: async () => (await import('./hash.ts')).hashKind,
};

/** What a batch of this name does. */
export const kindOf = (name: BatchName): Promise<BatchKind> => KINDS[name]();
