import { expectArguments } from '../../../arguments.ts';
import { DataError } from '../../../errors.ts';
import { expectOptions } from '../../../options.ts';
import type { Point } from '../../../vision/boxes.ts';
import { type AnnotatedShape, type Annotation, IGNORE_LABEL, type MaskPatch } from '../../annotation.ts';
import { contoursOf } from '../../contours.ts';
import { partsOf } from '../../maskParts.ts';
import { flagsOf } from '../../objects.ts';
import { rowRunsOf } from '../../rowRuns.ts';
import { isRecord, valuesFor } from '../extra.ts';

/** Options of `formatLabelme`. */
export interface FormatLabelmeOptions {
  /** The path of the image relative to the folder of the file. Default: that of the annotation. */
  readonly imagePath?: string;
  /** The Labelme version to write for. */
  readonly version?: string;
  /** How far a mask's outline may be simplified, in pixels; 0 follows every pixel. Default 1. */
  readonly tolerance?: number;
  /**
   * Encodes a mask as a PNG in base64: shapes are then written as masks, which Labelme 5.3 and later open. Default:
   * polygons.
   */
  readonly png?: (mask: MaskPatch) => string | undefined;
}

/**
 * Formats a file that Labelme 5 opens.
 *
 * Shapes with points become polygons; those with a mask, the polygons around its parts; others, rectangles. A mask in
 * several parts becomes a group, so that Labelme counts it as one object. Holes are filled, since Labelme's polygons
 * have none; `png` keeps them. Regions to ignore get the label `__ignore__`. A score is written as the description `score 0.973`. Coordinates are rounded to a
 * thousandth of a pixel. What a Labelme file said beyond that (`extra`) is written again.
 *
 * @throws DataError without an image path, for coordinates that are not finite, and for masks without a pixel.
 */
export function formatLabelme(annotation: Annotation, options: FormatLabelmeOptions = {}): string {
  expectArguments(
    'formatLabelme',
    { annotation },
    { annotation: { width: 'number', height: 'number', shapes: [{ label: 'text', box: 'box' }] } },
  );
  expectOptions('formatLabelme', options, ['imagePath', 'version', 'tolerance', 'png']);
  const { imagePath = annotation.imagePath, version = '5.1.1', tolerance = 1, png } = options;
  if (!imagePath) throw new DataError('formatLabelme: no image path; pass imagePath, which Labelme needs');
  const regions = (annotation.ignored ?? []).map((region) => ({
    ...region,
    label: IGNORE_LABEL,
    groupId: null,
  }));
  let nextGroup = annotation.shapes.reduce((next, { groupId }) => Math.max(next, (groupId ?? -1) + 1), 0);
  const shapes = [...annotation.shapes, ...regions].flatMap((shape: AnnotatedShape, index) => {
    const mask = shape.points || !shape.mask ? undefined : png?.(shape.mask);
    const drawn = mask
      ? [drawMask(shape.mask!)]
      : drawShape(shape, `formatLabelme: shapes[${index}]`, tolerance);
    const groupId = drawn.length > 1 && shape.groupId === null ? nextGroup++ : shape.groupId;
    const { flags, description = '', ...others } = valuesFor('labelme', shape.extra);
    return drawn.map(([type, points]) => ({
      label: shape.label,
      points,
      group_id: groupId,
      description: shape.score === undefined ? description : `score ${shape.score.toFixed(3)}`,
      shape_type: type,
      flags: { ...(isRecord(flags) ? flags : {}), ...flagsOf([shape]) },
      ...(mask ? { mask } : {}),
      ...others,
    }));
  });
  const { flags = {}, ...others } = valuesFor('labelme', annotation.extra);
  const document = {
    version,
    flags,
    shapes,
    imagePath,
    imageData: null,
    imageHeight: annotation.height,
    imageWidth: annotation.width,
    ...others,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A mask from its first pixel to its last. */
const drawMask = ({ x, y, width, height }: MaskPatch): [type: 'mask', points: Point[]] => [
  'mask',
  [
    [x, y],
    [x + width - 1, y + height - 1],
  ],
];

function drawShape(
  shape: AnnotatedShape,
  place: string,
  tolerance: number,
): [type: 'polygon' | 'rectangle', points: Point[]][] {
  const tidy = (points: readonly Point[]) => points.map((point) => roundPoint(point, place));
  if (shape.points !== undefined) return [['polygon', tidy(shape.points)]];
  if (shape.mask === undefined) {
    const [x1, y1, x2, y2] = shape.box;
    const corners: Point[] = [
      [x1, y1],
      [x2, y2],
    ];
    return [['rectangle', tidy(corners)]];
  }
  const { x: left, y: top } = shape.mask;
  const runs = rowRunsOf(shape.mask);
  const outlines = contoursOf(runs, partsOf(runs), tolerance);
  if (outlines.length === 0) {
    throw new DataError(`${place}: its mask has no pixel set; leave the shape out, or give it only a box`);
  }
  return outlines.map((points) => ['polygon', tidy(points.map(([x, y]): Point => [x + left, y + top]))]);
}

function roundPoint([x, y]: Point, place: string): Point {
  // JSON.stringify would write null, which Labelme cannot open.
  if (!Number.isFinite(x) || !Number.isFinite(y)) {
    throw new DataError(`${place}: point (${x}, ${y}) is not finite; leave the shape out`);
  }
  return [Math.round(x * 1000) / 1000, Math.round(y * 1000) / 1000];
}
