import { Random } from 'fovea/vision';
import type { SeenImage } from './dataStatistics.ts';

/**
 * Chooses images to look at: one of each class, the rarest first, up to half of them; then the one with the most objects, with the smallest
 * and the largest object, and an empty one; the others at random. The same seed chooses the same.
 *
 * @param classes The classes, the most frequent first.
 */
export function chooseSamples(
  images: readonly SeenImage[],
  classes: readonly string[],
  { count, seed }: { readonly count: number; readonly seed: number },
): SeenImage[] {
  const shuffled = new Random(seed).fork('look').shuffle([...images]);
  const chosen = new Set<SeenImage>();
  const take = (image: SeenImage | undefined): void => {
    if (image && chosen.size < count) chosen.add(image);
  };
  for (const label of classes.toReversed().slice(0, Math.ceil(count / 2))) {
    if ([...chosen].some((image) => image.classes.includes(label))) continue;
    take(shuffled.find((image) => image.classes.includes(label)));
  }
  const extreme = (value: (image: SeenImage) => number): SeenImage | undefined =>
    shuffled.reduce<SeenImage | undefined>(
      (best, image) => (Number.isNaN(value(image)) || (best && value(best) >= value(image)) ? best : image),
      undefined,
    );
  if (count > 3) {
    take(extreme(({ objects }) => objects));
    take(extreme(({ smallest }) => -smallest));
    take(extreme(({ largest }) => largest));
    take(shuffled.find(({ objects }) => objects === 0));
  }
  for (const image of shuffled) {
    if (chosen.size === count) break;
    take(image);
  }
  // In the order of the data set.
  return images.filter((image) => chosen.has(image));
}
