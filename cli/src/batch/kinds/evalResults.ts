/** Results of images in an evaluation, and the evaluation of all of them. */
import {
  ClassificationEvaluator,
  DetectionEvaluator,
  type DetectionsToEvaluate,
  SegmentationEvaluator,
} from 'fovea';
import type { Annotation } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import { type Rle, rleDecode, rleEncode } from 'fovea/vision';
import { classificationSummary } from '../../classReport.ts';
import { detectionSummary, type EvalSummary, segmentationSummary } from '../../evalReport.ts';
import { stuffClasses } from '../../predictor.ts';

type Detections = DetectionsToEvaluate['detections'];

/** A detection whose mask is run lengths: those of low scores are many. */
interface Packed extends Omit<Detections[number], 'mask'> {
  readonly mask?: { readonly x: number; readonly y: number; readonly rle: Rle };
}

/** Detections, to travel. */
export const packed = (detections: Detections): Packed[] =>
  detections.map(({ mask, ...found }) =>
    mask ? { ...found, mask: { x: mask.x, y: mask.y, rle: rleEncode(mask.data, mask) } } : found,
  );

const unpacked = (detections: readonly Packed[]): Detections =>
  detections.map(({ mask, ...found }) => {
    if (!mask) return found;
    const { x, y, rle } = mask;
    const [height, width] = rle.size;
    return { ...found, mask: { x, y, width, height, data: rleDecode(rle) } };
  });

/** The result of an image. */
export type EvalResult = (
  | ({ readonly task: 'detect'; readonly hasMasks: boolean; readonly detections: readonly Packed[] } & Pick<
      DetectionsToEvaluate,
      'panoptic'
    >)
  | { readonly task: 'segment'; readonly labels: Uint8Array }
  | { readonly task: 'classify'; readonly probabilities: Float32Array }
) & {
  /** Whether its values of 12 bits were stretched. */
  readonly stretched?: boolean;
};

/** An image as it is labelled. */
export type Labelled =
  | { readonly name: string; readonly left: Annotation }
  | { readonly name: string; readonly label: string };

/** Evaluates what comes of images, in their order. */
export class EvalResults {
  readonly #opened: OpenedModel;
  #detections: DetectionEvaluator | undefined;
  #segmentations: SegmentationEvaluator | undefined;
  #classes: ClassificationEvaluator | undefined;

  constructor(opened: OpenedModel) {
    this.#opened = opened;
  }

  add(labelled: Labelled, result: EvalResult): void {
    const { classNames } = this.#opened;
    if (result.task === 'classify' && 'label' in labelled) {
      this.#classes ??= new ClassificationEvaluator({ classNames });
      this.#classes.add(labelled, result.probabilities);
      return;
    }
    if (!('left' in labelled)) throw new Error(`${labelled.name} has no annotation`);
    const sample = { annotation: labelled.left };
    if (result.task === 'segment') {
      this.#segmentations ??= new SegmentationEvaluator({ classNames });
      this.#segmentations.add(sample, result);
    } else if (result.task === 'detect') {
      const { hasMasks, detections, ...found } = result;
      const stuff = stuffClasses(this.#opened);
      this.#detections ??= new DetectionEvaluator({
        classNames: classNames.filter((name) => !stuff.includes(name)),
        ...{ hasMasks, stuff, panoptic: found.panoptic !== undefined },
      });
      this.#detections.add(sample, { ...found, detections: unpacked(detections) });
    }
  }

  /** The summary of the evaluation; undefined where no image was added. */
  summary(): EvalSummary | undefined {
    if (this.#detections) return detectionSummary(this.#detections.result());
    if (this.#segmentations) {
      return segmentationSummary(this.#segmentations.result(), this.#opened.classNames);
    }
    return this.#classes && classificationSummary(this.#classes.result());
  }
}
