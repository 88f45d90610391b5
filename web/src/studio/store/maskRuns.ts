/**
 * Labels as the database has them: a mask of a large picture has 100 MB of pixels, and some kB of run lengths. They go row by row, and not
 * column by column as COCO's (`rleEncode` of fovea/vision), as each save of a mask makes them: of 12,000 x 9,000 pixels in a tenth of the
 * time. Rows of older studios have pixels.
 */
import type { LabelObject, LabelShape, PictureLabels } from '../project/model.ts';

type Mask = Extract<LabelShape, { readonly kind: 'mask' }>;

/** A mask in the database: lengths of runs, outside and inside in turns, from the first pixel on. */
type Runs = Omit<Mask, 'data'> & { readonly runs: Uint32Array };

/** Of pixels that are stored or were read: what is unchanged is not encoded again. */
const known = new WeakMap<Uint8Array, Uint32Array>();

/** The lengths of runs; undefined where they would take more than the pixels. */
function runsOf(data: Uint8Array): Uint32Array | undefined {
  const before = known.get(data);
  if (before) return before;
  const most = data.length / Uint32Array.BYTES_PER_ELEMENT;
  const runs: number[] = [];
  for (let at = 0, inside = 0; at < data.length; inside ^= 1) {
    const next = data.indexOf(inside ^ 1, at);
    const end = next < 0 ? data.length : next;
    runs.push(end - at);
    if (runs.length > most) return undefined;
    at = end;
  }
  const packed = Uint32Array.from(runs);
  known.set(data, packed);
  return packed;
}

function pixelsOf({ runs, width, height }: Runs): Uint8Array {
  const data = new Uint8Array(width * height);
  let at = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1) data.fill(1, at, at + run);
    at += run;
  }
  known.set(data, runs);
  return data;
}

/** The objects with other shapes; the same one where nothing is another one. */
const withShapes = (labels: PictureLabels, change: (shape: LabelShape) => LabelShape): PictureLabels => ({
  ...labels,
  objects: labels.objects.map((object): LabelObject => {
    const shape = change(object.shape);
    return shape === object.shape ? object : { ...object, shape };
  }),
});

/** Labels as they are stored. What is typed as pixels are runs: only `unpackLabels` is to see it. */
export const packLabels = (labels: PictureLabels): PictureLabels =>
  withShapes(labels, (shape) => {
    if (shape.kind !== 'mask') return shape;
    const { data, ...place } = shape;
    const runs = runsOf(data);
    return runs ? ({ ...place, runs } satisfies Runs as unknown as Mask) : shape;
  });

/** Labels as they were before `packLabels`; those that never were packed stay. */
export const unpackLabels = (labels: PictureLabels): PictureLabels =>
  withShapes(labels, (shape) => {
    if (shape.kind !== 'mask' || !('runs' in shape)) return shape;
    const { runs, ...place } = shape as unknown as Runs;
    return { ...place, data: pixelsOf({ ...place, runs }) };
  });
