import type { AnnotatedImage } from 'fovea/data';
import { type VerifiedImage, verifyImage } from './images.ts';

/** Images that are decoded while earlier ones are written: decoding takes most of the time, and has other threads. */
const AHEAD = 8;

/** An image of a data set: what it is read from, and what messages call it. */
type Source = Pick<AnnotatedImage, 'image' | 'source'>;

/** An image of a data set that is being decoded. */
export interface Verified<T extends Source = AnnotatedImage> {
  readonly image: T;
  readonly verified: Promise<VerifiedImage>;
}

/** Images in their order, each with a promise that fails where it is damaged: a copy of it would be found out much later. */
export async function* verifiedAhead<T extends Source>(
  images: AsyncIterable<T> | Iterable<T>,
): AsyncGenerator<Verified<T>> {
  const waiting: Verified<T>[] = [];
  try {
    for await (const image of images) {
      const name = typeof image.image === 'string' ? image.image : `${image.source}: imageData`;
      const verified = verifyImage(image.image, name);
      // Whoever comes to it in its turn gets the error.
      verified.catch(() => undefined);
      waiting.push({ image, verified });
      if (waiting.length === AHEAD) yield waiting.shift()!;
    }
  } catch (error) {
    // Images are returned in the order in which they were read, and so are their errors.
    yield* waiting;
    throw error;
  }
  yield* waiting;
}
