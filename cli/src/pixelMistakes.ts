import type { Segmentation } from 'fovea';
import { labelMap } from 'fovea';
import { IGNORE_INDEX } from 'fovea/data';
import { colorAt, type Overlay, type OverlayMask } from 'fovea/draw';
import { ConfusionMatrix } from 'fovea/vision';
import { thumbnail } from './draw.ts';
import type { Gallery, GalleryItem, GalleryTag } from './gallery.ts';
import { shownOf } from './mistakes.ts';
import type { ReadSample } from './samples.ts';
import { Worst } from './worst.ts';

const IGNORED = '#8c959f';
const WRONG = '#D55E00';

/** A mask for each class of a label map but the background. */
function labelOverlay(labels: Uint8Array): Overlay {
  const masks = new Map<number, Uint8Array>();
  labels.forEach((label, i) => {
    if (label === 0) return;
    const mask = masks.get(label) ?? new Uint8Array(labels.length);
    masks.set(label, mask);
    mask[i] = 1;
  });
  return {
    masks: [...masks].map(
      ([label, mask]): OverlayMask => ({
        mask,
        color: label === IGNORE_INDEX ? IGNORED : colorAt(label - 1),
      }),
    ),
  };
}

/** The images in which a segmenter is the most wrong, kept while it is evaluated: at most `worst`, as they are shown. */
export class PixelMistakes {
  readonly #classes: readonly string[];
  readonly #worst: Worst<GalleryItem>;
  /** The number of images that were added. */
  images = 0;
  #wrong = 0;

  constructor(classes: readonly string[], worst: number) {
    this.#classes = classes;
    this.#worst = new Worst(worst);
  }

  async add({ name, annotation, loaded }: ReadSample, { labels }: Segmentation): Promise<void> {
    this.images++;
    const truth = labelMap(annotation, this.#classes);
    const confusion = new ConfusionMatrix(this.#classes.length + 1);
    confusion.add(labels, truth, { ignoreIndex: IGNORE_INDEX });
    const tags = confusion
      .iou()
      .flatMap((iou, label): GalleryTag[] =>
        label === 0 || Number.isNaN(iou) ? [] : [{ values: [this.#classes[label - 1]!], rank: 1 - iou }],
      );
    const rank = tags.reduce((sum, one) => sum + one.rank!, 0) / Math.max(1, tags.length);
    if (rank === 0) return;
    this.#wrong++;
    if (!this.#worst.takes(rank)) return;
    const wrong = truth.map((label, i) => (label !== IGNORE_INDEX && label !== labels[i] ? 1 : 0));
    const iou = tags.map(({ values, rank: lost }) => `${values[0]} ${(1 - lost!).toFixed(3)}`);
    const shot = async (overlay: Overlay, caption: string) => ({
      ...(await thumbnail(loaded, overlay)),
      caption,
      alt: `${name}: ${caption}`,
    });
    this.#worst.add(rank, {
      title: name,
      notes: [
        `IoU ${(1 - rank).toFixed(3)}`,
        `${(100 * confusion.pixelAccuracy).toFixed(1)} % of the pixels right`,
        ...(iou.length > 1 ? iou.slice(0, MOST_CLASSES) : []),
        ...(iou.length > MOST_CLASSES ? [`${iou.length - MOST_CLASSES} more`] : []),
      ],
      images: [
        await shot(labelOverlay(truth), 'labelled'),
        await shot(labelOverlay(labels), 'predicted'),
        await shot({ masks: [{ mask: wrong, color: WRONG, opacity: 0.7 }] }, 'wrong pixels'),
      ],
      tags,
    });
  }

  get gallery(): Gallery {
    const items = this.#worst.items;
    return {
      title: 'Mistakes, worst first',
      note: `${shownOf(items.length, this.#wrong, this.images)} Sorted by the mean IoU of the classes in the image, or by that of the class that you choose.`,
      legend: [
        ...this.#classes.slice(0, MOST_COLORS).map((name, i) => ({ name, color: colorAt(i) })),
        { name: 'ignored', color: IGNORED },
        { name: 'wrong', color: WRONG },
      ],
      filters: [{ name: 'class', values: this.#classes }],
      items,
    };
  }
}

/** Classes of an image whose IoU is written above it. */
const MOST_CLASSES = 8;
/** Colours repeat after that many classes. */
const MOST_COLORS = 8;
