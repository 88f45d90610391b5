/** What was found becomes proposals for labels of the picture. */
import type { Prediction } from '../../learn/predict.ts';
import type { Picture } from '../../project/model.ts';
import { propose } from '../../project/propose.ts';
import { Thumbnailer } from '../../project/thumbnailer.ts';
import { pictures, project, saving, theStore } from '../../state.ts';
import type { Shown } from './session.ts';

/** The picture of the project: one that was brought, or a frame, is added to it. Undefined where it cannot be stored. */
async function pictureOf({ picture, name, file, bitmap }: Shown): Promise<Picture | undefined> {
  if (picture) return pictures.value.find(({ id }) => id === picture.id);
  const content = file ?? (await frameFile(bitmap));
  const thumbnailer = new Thumbnailer(1);
  try {
    const made = await thumbnailer.make(content);
    const store = await theStore();
    const { id } = project.value!;
    const result = await saving(() =>
      store.addPictures(id, [{ file: content, name: file ? name : `${name}.png`, ...made }]),
    );
    const [added] = result?.added ?? [];
    if (added) pictures.value = [...pictures.value, added];
    const known = result?.known[0]?.picture;
    return added ?? pictures.value.find((one) => one.id === known);
  } finally {
    thumbnailer.dispose();
  }
}

function frameFile(bitmap: ImageBitmap): Promise<Blob> {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('2d')!.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

/**
 * Adds what was found to the labels of the picture, as proposals; what is labelled already is left out. Classes that the project lacks are
 * added.
 *
 * @returns The picture, and how many proposals it got; undefined where nothing could be stored.
 */
export async function takeAsLabels(
  shown: Shown,
  found: Prediction,
  threshold: number,
): Promise<{ readonly picture: Picture; readonly added: number } | undefined> {
  const picture = await pictureOf(shown);
  if (!picture) return undefined;
  return { picture, added: await propose(picture, found, threshold) };
}
