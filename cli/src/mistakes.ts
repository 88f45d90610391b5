import type { DetectionEvaluation } from 'fovea';
import type { Overlay, OverlayBox, OverlayMask } from 'fovea/draw';
import {
  boxIou,
  type DetectionError,
  type DetectionErrors,
  type DetectionErrorType,
  type DetectionImage,
  type ImageDetectionErrors,
  rleDecode,
} from 'fovea/vision';
import { counted } from './counted.ts';
import { thumbnail } from './draw.ts';
import type { Gallery, GalleryItem } from './gallery.ts';
import type { ReportTable } from './report.ts';
import type { ReadSample } from './samples.ts';

/** Names and colours of errors; the colours are Okabe and Ito's. */
const ERRORS: Readonly<Record<DetectionErrorType, { readonly name: string; readonly color: string }>> = {
  missed: { name: 'missed', color: '#D55E00' },
  duplicate: { name: 'duplicate', color: '#CC79A7' },
  classification: { name: 'wrong class', color: '#E69F00' },
  localization: { name: 'badly placed', color: '#0072B2' },
  both: { name: 'wrong class, badly placed', color: '#7A5195' },
  background: { name: 'no object there', color: '#F0E442' },
};
const TYPES = Object.keys(ERRORS) as DetectionErrorType[];
const RIGHT = '#009E73';
const IGNORED = '#8c959f';

/** In an image with more objects, those that are right have no names: what is wrong would be covered. */
const MOST_NAMES = 12;

type Errors = ImageDetectionErrors<string>;
type Drawn = Pick<DetectionImage<string>['predictions'][number], 'box' | 'label' | 'mask'> & {
  readonly score?: number;
};

/** A box for each object, and its mask where it has one. */
function overlayOf(
  objects: readonly { readonly object: Drawn; readonly color: string; readonly named: boolean }[],
): Overlay {
  const masks = new Map<string, Uint8Array>();
  const boxes = objects.map(({ object: { box, label, score, mask }, color, named }): OverlayBox => {
    if (mask) {
      // Masks of one colour in one, so that no pixel is tinted twice.
      const pixels = masks.get(color) ?? new Uint8Array(mask.size[0] * mask.size[1]);
      rleDecode(mask).forEach((inside, i) => {
        if (inside) pixels[i] = 1;
      });
      masks.set(color, pixels);
    }
    return { box, color, ...(named ? { label, ...(score === undefined ? {} : { score }) } : {}) };
  });
  return { boxes, masks: [...masks].map(([color, mask]): OverlayMask => ({ mask, color })) };
}

function overlaysOf(
  { groundTruth, predictions }: DetectionImage<string>,
  { errors }: Errors,
  scoreThreshold: number,
): { readonly truth: Overlay; readonly found: Overlay } {
  const ofObject = new Map(errors.map((error) => [error.groundTruth, error]));
  const ofPrediction = new Map(
    errors.flatMap((error) => (error.prediction ? [[error.prediction, error] as const] : [])),
  );
  const kept = predictions.filter(({ score }) => score >= scoreThreshold);
  const right = kept.filter((prediction) => !ofPrediction.has(prediction));
  const isFound = ({ label, box }: (typeof groundTruth)[number]): boolean =>
    right.some((prediction) => prediction.label === label && boxIou(prediction.box, box) >= 0.5);
  const colorOf = (error: DetectionError<string> | undefined) => (error ? ERRORS[error.type].color : RIGHT);
  const objects = groundTruth.filter(({ iscrowd, ignore }) => !iscrowd && !ignore);
  // A region to ignore is one for each class.
  const ignored = new Map(
    groundTruth.filter((object) => !objects.includes(object)).map((object) => [object.box.join(), object]),
  );
  const few = Math.max(objects.length, kept.length) <= MOST_NAMES;
  return {
    truth: overlayOf([
      ...[...ignored.values()].map((object) => ({ object, color: IGNORED, named: false })),
      ...objects.map((object) => {
        const error = isFound(object) ? undefined : ofObject.get(object);
        return { object, color: colorOf(error), named: few || error !== undefined };
      }),
    ]),
    found: overlayOf(
      kept.map((object) => {
        const error = ofPrediction.get(object);
        return { object, color: colorOf(error), named: few || error !== undefined };
      }),
    ),
  };
}

/** What an image is found by: each type of error with the class of the object, and with that of the detection. */
function tagsOf({ errors }: Errors): GalleryItem['tags'] {
  const ranks = new Map<string, { values: string[]; rank: number }>();
  for (const { type, prediction, groundTruth } of errors) {
    for (const label of new Set([prediction?.label, groundTruth?.label])) {
      if (label === undefined) continue;
      const values = [ERRORS[type].name, label];
      const tag = ranks.get(JSON.stringify(values)) ?? { values, rank: 0 };
      tag.rank++;
      ranks.set(JSON.stringify(values), tag);
    }
  }
  return [...ranks.values()];
}

const notesOf = ({ correct, counts }: Errors): string[] => [
  `${correct} right`,
  ...TYPES.flatMap((type) => (counts[type] > 0 ? [`${counts[type]} ${ERRORS[type].name}`] : [])),
];

/** How many errors of each type a detector has made. */
export function errorTable(
  { counts, correct, images }: DetectionErrors<string>,
  scoreThreshold: number,
): ReportTable {
  const total = TYPES.reduce((sum, type) => sum + counts[type], 0);
  return {
    title: 'What is wrong',
    header: ['error', 'count', 'share', 'images'],
    rows: TYPES.map((type) => [
      ERRORS[type].name,
      String(counts[type]),
      total === 0 ? '\u2013' : `${((100 * counts[type]) / total).toFixed(1)} %`,
      String(images.filter((image) => image.counts[type] > 0).length),
    ]),
    total: ['all', String(total), '', String(images.filter((image) => image.total > 0).length)],
    note: `At threshold ${scoreThreshold}; ${counted(correct, 'detection is', 'detections are')} right. Types of TIDE: badly placed is an IoU of .1 to .5 with an object of the class.`,
  };
}

/** How the worst images are chosen and drawn. */
export interface MistakeOptions {
  /** Which detections count, as in the errors. */
  readonly scoreThreshold: number;
  /** At most so many images. */
  readonly worst: number;
  /** The name of each image that was evaluated, in their order. */
  readonly names: readonly string[];
  /** Reads the images of these names again. */
  read(names: ReadonlySet<string>): AsyncIterable<ReadSample>;
}

/** The images in which a detector has made the most errors. They are read again, one after another, so that few are in memory. */
export async function detectionMistakes(
  { images, result }: Pick<DetectionEvaluation, 'images' | 'result'>,
  found: DetectionErrors<string>,
  { scoreThreshold, worst, names, read }: MistakeOptions,
): Promise<Gallery> {
  const wrong = found.worst.filter(({ total }) => total > 0);
  const shown = wrong.slice(0, worst);
  const byName = new Map(shown.map((errors) => [names[errors.image]!, errors]));
  const items = new Map<Errors, GalleryItem>();
  for await (const { name, loaded } of read(new Set(byName.keys()))) {
    const errors = byName.get(name)!;
    const notes = notesOf(errors);
    const overlays = overlaysOf(images[errors.image]!, errors, scoreThreshold);
    const [truth, predicted] = [
      await thumbnail(loaded, overlays.truth),
      await thumbnail(loaded, overlays.found),
    ];
    items.set(errors, {
      title: name,
      notes,
      images: [
        { ...truth, caption: 'labelled', alt: `${name} as it is labelled` },
        { ...predicted, caption: 'predicted', alt: `${name} with what was found: ${notes.join(', ')}` },
      ],
      tags: tagsOf(errors),
    });
  }
  return {
    title: 'Mistakes, worst first',
    note: shownOf(shown.length, wrong.length, images.length),
    legend: [
      { name: 'right', color: RIGHT },
      ...TYPES.map((type) => ERRORS[type]),
      { name: 'ignored', color: IGNORED },
    ],
    filters: [
      { name: 'error', values: TYPES.map((type) => ERRORS[type].name) },
      { name: 'class', values: result.perClass.map(({ label }) => label) },
    ],
    items: shown.flatMap((errors) => items.get(errors) ?? []),
  };
}

/** `The 100 images with the most errors, of 250 with any and 1000 in all.` */
export function shownOf(shown: number, wrong: number, all: number): string {
  if (wrong === 0) return `None of ${counted(all, 'image')} has an error.`;
  if (shown === wrong) return `${wrong} of ${counted(all, 'image')} ${wrong === 1 ? 'has' : 'have'} errors.`;
  return `${shown} of ${wrong} images with errors (--worst shows more), of ${counted(all, 'image')} in all.`;
}
