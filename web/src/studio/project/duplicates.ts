/** Pictures that look alike, by their hashes. */
import { duplicateGroups, ImageHash } from 'fovea/similarity';
import type { Picture } from './model.ts';

/** Digits of a hash of 64 bits; project files may bring others. */
const DIGITS = 16;

/** The bits in which two pictures of a group may differ, of 64: what `fovea dedupe` takes for the same picture. */
export const NEAR = 4;

/**
 * Groups of pictures that look alike (`duplicateGroups` of fovea/similarity), in their order. Pictures without a hash are in none.
 */
export async function nearDuplicates(pictures: readonly Picture[], distance = NEAR): Promise<Picture[][]> {
  const hashed = pictures.filter(({ hash }) => hash?.length === DIGITS);
  const hashes = hashed.map(({ hash }) => ImageHash.fromHex(hash!));
  const groups = await duplicateGroups(hashes, { distance });
  return groups.map((group) => group.map((i) => hashed[i]!));
}
