import type { Case } from './case.ts';
import { gatherCases } from './gather.ts';

/** One table for all operations: it drives correctness, gradient checks and benchmarks. */
export const cases: readonly Case[] = [...gatherCases];
