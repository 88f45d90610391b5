import { changePictures, pictures, saving, theStore, updated } from '../state.ts';
import { isBehind, lacksCounts, lacksHash } from './behind.ts';
import type { Picture } from './model.ts';
import { Thumbnailer } from './thumbnailer.ts';

/** How many pictures get their hashes at a time. */
const TURN = 16;

/**
 * Gives the pictures of the open project what they lack, one after another. Those that cannot be read are passed over: the room of labels
 * says why.
 *
 * @param signal Aborting it ends the work; what is done is stored.
 */
export async function catchUp(signal: AbortSignal): Promise<void> {
  const behind = pictures.peek().filter(isBehind);
  const store = await theStore();
  for (const { id } of behind.filter(lacksCounts)) {
    if (signal.aborted) return;
    const counted = await saving(() => store.recount(id));
    if (counted) updated([counted]);
  }
  const thumbnailer = new Thumbnailer(1);
  const hashOf = async (picture: Picture) => {
    try {
      const { hash, thumbnail } = await thumbnailer.make(await store.fileOf(picture));
      if (!(await store.thumbnailOf(picture))) await store.saveThumbnail(picture, thumbnail);
      return [{ id: picture.id, hash }];
    } catch {
      return [];
    }
  };
  try {
    const unknown = behind.filter(lacksHash);
    for (let from = 0; from < unknown.length && !signal.aborted; from += TURN) {
      const found = await Promise.all(unknown.slice(from, from + TURN).map(hashOf));
      if (!signal.aborted) await changePictures(found.flat());
    }
  } finally {
    thumbnailer.dispose();
  }
}
