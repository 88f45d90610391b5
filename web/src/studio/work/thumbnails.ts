/** A worker that decodes pictures: their size as they are shown, a small copy, and a hash of it. */
import { differenceHash } from 'fovea/similarity';
import { imageSize } from 'image-size';

/** Pixels of a thumbnail's longer side: tiles of the grid are at most half as large, for screens with twice the pixels. */
const SIDE = 320;

export interface ThumbnailRequest {
  readonly id: number;
  readonly file: Blob;
}

export interface Thumbnail {
  /** The picture's size as it is shown, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly thumbnail: Blob;
  /** dHash, in hex. */
  readonly hash: string;
}

export type ThumbnailReply =
  | ({ readonly id: number } & Thumbnail)
  | { readonly id: number; readonly error: string };

/** The size that a file states, as it is shown; undefined where only decoding tells. */
async function statedSize(file: Blob): Promise<readonly [number, number] | undefined> {
  try {
    const bytes = new Uint8Array(await file.slice(0, 1 << 18).arrayBuffer());
    const { width, height, orientation = 1 } = imageSize(bytes);
    return orientation >= 5 ? [height, width] : [width, height];
  } catch {
    return undefined;
  }
}

async function thumbnailOf(file: Blob): Promise<Thumbnail> {
  const stated = await statedSize(file);
  // Where the size is known the browser may decode a JPEG at a fraction of it.
  const scale = stated ? Math.min(1, SIDE / Math.max(...stated)) : 1;
  const small = stated && {
    resizeWidth: Math.max(1, Math.round(stated[0] * scale)),
    resizeHeight: Math.max(1, Math.round(stated[1] * scale)),
    resizeQuality: 'medium' as const,
  };
  const bitmap = await createImageBitmap(file, small);
  const [width, height] = stated ?? [bitmap.width, bitmap.height];
  const shrink = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * shrink)),
    Math.max(1, Math.round(bitmap.height * shrink)),
  );
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const hash = differenceHash(context.getImageData(0, 0, canvas.width, canvas.height)).toString();
  const thumbnail = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 });
  return { width, height, thumbnail, hash };
}

addEventListener('message', async ({ data: { id, file } }: MessageEvent<ThumbnailRequest>) => {
  const reply: ThumbnailReply = await thumbnailOf(file).then(
    (made) => ({ id, ...made }),
    (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
  );
  postMessage(reply);
});
