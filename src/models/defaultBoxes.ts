/** What the default boxes of an SSD depend on. */
export interface DefaultBoxOptions {
  /** [height, width] of the input, in pixels. */
  readonly imageSize: readonly [number, number];
  /** [rows, columns] of each map. */
  readonly grids: readonly (readonly [number, number])[];
  /** Of each map, the aspect ratios apart from 1; each gives a box and the same one upright. */
  readonly aspectRatios: readonly (readonly number[])[];
  /** Sides of the boxes of each map in proportion to the image, and one more. */
  readonly scales: readonly number[];
  /** Pixels between the centres of each map's cells. Default: the image divided by the number of cells. */
  readonly steps?: readonly number[] | undefined;
}

const f = Math.fround;

/** Widths and heights in proportion to the image, at most 1. */
function sidesOf(level: number, { aspectRatios, scales }: DefaultBoxOptions): [number, number][] {
  const [scale, next] = [scales[level]!, scales[level + 1]!];
  const between = Math.sqrt(scale * next);
  const others = aspectRatios[level]!.flatMap((ratio): [number, number][] => {
    const [long, short] = [scale * Math.sqrt(ratio), scale / Math.sqrt(ratio)];
    return [
      [long, short],
      [short, long],
    ];
  });
  const all: [number, number][] = [[scale, scale], [between, between], ...others];
  return all.map(([w, h]) => [f(Math.min(w, 1)), f(Math.min(h, 1))]);
}

/**
 * The default boxes of an SSD (Liu et al. 2016, §2.2), in float32 as torchvision's DefaultBoxGenerator computes them: [A,4] as
 * xyxy, in pixels; they may reach outside the image. Order: map, y, x, box.
 */
export function defaultBoxes(options: DefaultBoxOptions): Float32Array {
  const { imageSize, grids, steps } = options;
  const [height, width] = imageSize;
  const boxes: number[] = [];
  grids.forEach(([rows, columns], level) => {
    const step = steps?.[level];
    const [down, across] = step === undefined ? [rows, columns] : [height / step, width / step];
    const sides = sidesOf(level, options);
    for (let y = 0; y < rows; y++) {
      const cy = f(f(y + 0.5) / f(down));
      for (let x = 0; x < columns; x++) {
        const cx = f(f(x + 0.5) / f(across));
        for (const [w, h] of sides) {
          boxes.push(f(cx - f(0.5 * w)) * width, f(cy - f(0.5 * h)) * height);
          boxes.push(f(cx + f(0.5 * w)) * width, f(cy + f(0.5 * h)) * height);
        }
      }
    }
  });
  return Float32Array.from(boxes);
}
