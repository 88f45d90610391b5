import { HASH_NAMES } from 'fovea/similarity';

/** What can be asked for: hashes of bits, and the moments of the colours, which are numbers. */
export const COLUMNS = [...HASH_NAMES, 'colorMomentHash'] as const;
export type Column = (typeof COLUMNS)[number];
