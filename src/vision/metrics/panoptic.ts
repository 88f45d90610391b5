import { expectArguments } from '../../arguments.ts';
import { DataError, ShapeError } from '../../errors.ts';
import { expectOptions } from '../../options.ts';
import type { ClassLabel } from './cocoImage.ts';
import { mean } from './common.ts';

/** A segment of a panoptic map: an object, or all pixels of one class of regions. */
export interface PanopticSegment<L extends ClassLabel> {
  /** Its value in the map, not 0. */
  readonly id: number;
  /** The class of the segment. */
  readonly label: L;
  /** For targets: a crowd, that is, objects that were not labelled one by one. It need not be detected. */
  readonly iscrowd?: boolean;
}

/** An image divided into segments: an id for every pixel, and the segments with these ids. */
export interface PanopticMap<L extends ClassLabel> {
  /** The id of the segment of each pixel; 0 for none (void). */
  readonly ids: ArrayLike<number>;
  /** The segments with these ids. */
  readonly segments: readonly PanopticSegment<L>[];
}

/** Panoptic quality and its two factors. */
export interface PanopticScores {
  /** Panoptic quality: the sum of the matches' IoU over TP + FP / 2 + FN / 2; also sq times rq. */
  readonly pq: number;
  /** Segmentation quality: the mean IoU of the matches; 0 without matches. */
  readonly sq: number;
  /** Recognition quality: TP over TP + FP / 2 + FN / 2 (F1). */
  readonly rq: number;
}

/** The metrics of one class. */
export interface PanopticClassResult<L extends ClassLabel> extends PanopticScores {
  /** The class. */
  readonly label: L;
  /** Whether its segments are objects (things). */
  readonly isthing: boolean;
  /** Matched segments. */
  readonly tp: number;
  /** Predicted segments without a match. */
  readonly fp: number;
  /** True segments without a match. */
  readonly fn: number;
}

/** What `PanopticQuality.result` returns. */
export interface PanopticResult<L extends ClassLabel> {
  /** Means over the `n` classes that occur; NaN where none does. */
  readonly all: PanopticScores & { readonly n: number };
  /** Means over the classes of objects. */
  readonly things: PanopticScores & { readonly n: number };
  /** Means over the other classes. */
  readonly stuff: PanopticScores & { readonly n: number };
  /** NaN for a class that is neither in the targets nor in the predictions. */
  readonly perClass: readonly PanopticClassResult<L>[];
}

/**
 * Panoptic quality (Kirillov et al. 2019, "Panoptic Segmentation"), as panopticapi computes it. Images are added
 * one by one; only counts are kept.
 *
 * - A predicted and a true segment of one class match where their IoU is over 0.5, which at most one pair of each can be.
 *   The union leaves out the predicted segment's void pixels: those whose target is 0.
 * - A true segment without a match is a FN, except for a crowd. A predicted one is a FP, except where more than half
 *   of its pixels are void or in crowds of its class.
 */
export class PanopticQuality<L extends ClassLabel> {
  /** The classes whose segments are objects. */
  readonly things: readonly L[];
  /** The other classes. */
  readonly stuff: readonly L[];
  readonly #counts = new Map<L, { iou: number; tp: number; fp: number; fn: number }>();

  /**
   * @param options `things`: classes whose segments are objects; `stuff`: the other classes.
   * @throws ShapeError for a class in both, or given twice.
   */
  constructor(options: { readonly things: readonly L[]; readonly stuff: readonly L[] }) {
    expectOptions('PanopticQuality', options, ['things', 'stuff']);
    expectArguments('PanopticQuality', { options }, { options: { things: ['label'], stuff: ['label'] } });
    const { things, stuff } = options;
    for (const label of [...things, ...stuff]) {
      if (this.#counts.has(label)) {
        throw new ShapeError(
          `PanopticQuality: class "${label}" is given twice; give it once, in things or stuff`,
        );
      }
      this.#counts.set(label, { iou: 0, tp: 0, fp: 0, fn: 0 });
    }
    this.things = things;
    this.stuff = stuff;
  }

  /**
   * Counts one image. A true segment without pixels counts as one that was not detected.
   *
   * @throws ShapeError for maps of different sizes; DataError for an unknown class, an id without a segment or with
   * two, and a predicted segment without pixels. Nothing is counted then.
   */
  add(predicted: PanopticMap<L>, target: PanopticMap<L>): void {
    if (predicted.ids.length !== target.ids.length) {
      throw new ShapeError(
        `PanopticQuality.add: ${predicted.ids.length} predicted and ${target.ids.length} target pixels; pass maps of one size`,
      );
    }
    const found = this.#segments(predicted, 'predicted');
    const truths = this.#segments(target, 'target');
    for (const { id, label, area } of found.values()) {
      if (area === 0) {
        throw new DataError(
          `PanopticQuality.add: predicted segment ${id} ("${label}") has no pixels; leave it out`,
        );
      }
    }
    const shared = new Map<number, Map<number, number>>();
    for (let i = 0; i < target.ids.length; i++) {
      const row = shared.get(predicted.ids[i]!) ?? new Map<number, number>();
      if (row.size === 0) shared.set(predicted.ids[i]!, row);
      row.set(target.ids[i]!, (row.get(target.ids[i]!) ?? 0) + 1);
    }
    const matched = new Set<number>();
    for (const { id, label, area } of found.values()) {
      const counts = this.#counts.get(label)!;
      let excused = shared.get(id)!.get(0) ?? 0;
      const union = area - excused;
      let right = false;
      for (const [targetId, both] of shared.get(id)!) {
        const truth = truths.get(targetId);
        if (truth?.label !== label) continue;
        if (truth.iscrowd) {
          excused += both;
          continue;
        }
        const iou = both / (union + truth.area - both);
        if (iou <= 0.5) continue;
        matched.add(targetId);
        counts.iou += iou;
        counts.tp++;
        right = true;
      }
      if (!right && excused / area <= 0.5) counts.fp++;
    }
    for (const { id, label, iscrowd } of truths.values()) {
      if (!iscrowd && !matched.has(id)) this.#counts.get(label)!.fn++;
    }
  }

  /** Computes the metrics of everything added so far. */
  result(): PanopticResult<L> {
    const perClass = [...this.#counts].map(([label, { iou, tp, fp, fn }]): PanopticClassResult<L> => {
      const all = tp + fp / 2 + fn / 2;
      const sq = all === 0 ? Number.NaN : tp === 0 ? 0 : iou / tp;
      return { label, isthing: this.things.includes(label), pq: iou / all, sq, rq: tp / all, tp, fp, fn };
    });
    const average = (part: readonly PanopticClassResult<L>[]) => {
      const occurring = part.filter(({ pq }) => !Number.isNaN(pq));
      const of = (key: 'pq' | 'sq' | 'rq') => mean(occurring.map((scores) => scores[key]));
      return { pq: of('pq'), sq: of('sq'), rq: of('rq'), n: occurring.length };
    };
    return {
      all: average(perClass),
      things: average(perClass.filter(({ isthing }) => isthing)),
      stuff: average(perClass.filter(({ isthing }) => !isthing)),
      perClass,
    };
  }

  /** The segments by id, with their pixels counted. */
  #segments(
    { ids, segments }: PanopticMap<L>,
    name: string,
  ): Map<number, PanopticSegment<L> & { area: number }> {
    const byId = new Map<number, PanopticSegment<L> & { area: number }>();
    for (const segment of segments) {
      const { id, label } = segment;
      if (!this.#counts.has(label)) {
        throw new DataError(
          `PanopticQuality.add: ${name} segment ${id} has class "${label}", which is not one of ${[...this.#counts.keys()].join(', ')}; add the class, or leave the segment out`,
        );
      }
      if (id === 0 || byId.has(id)) {
        throw new DataError(
          `PanopticQuality.add: ${name} segment id ${id} ${id === 0 ? 'means void' : 'is given twice'}; give each segment a different id, not 0`,
        );
      }
      byId.set(id, { ...segment, area: 0 });
    }
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === 0) continue;
      const segment = byId.get(ids[i]!);
      if (!segment) {
        throw new DataError(
          `PanopticQuality.add: ${name} pixel ${i} has id ${ids[i]}, which no segment has; list it, or set it to 0`,
        );
      }
      segment.area++;
    }
    return byId;
  }
}
