import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../../cli/src/images.ts';
import type { AnnotatedShape, Point } from '../../src/data/annotation.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { formatLabelme } from '../../src/data/labelme.ts';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import { Random } from '../../src/vision/random.ts';

/** A filled figure on the noise. `box` is its class too: rectangles are crates, discs are balls. */
export type Figure =
  | { readonly kind: 'crate'; readonly box: readonly [number, number, number, number] }
  | { readonly kind: 'ball'; readonly centre: Point; readonly radius: number };

const COLORS = { crate: [0.9, 0.25, 0.2], ball: [0.15, 0.35, 0.95] } as const;

/** Two figures that fill most of a picture of 64x64. */
export const TWO: readonly Figure[] = [
  { kind: 'crate', box: [4, 6, 32, 30] },
  { kind: 'ball', centre: [44, 44], radius: 15 },
];

function outline(figure: Figure): Point[] {
  if (figure.kind === 'crate') {
    const [x1, y1, x2, y2] = figure.box;
    return [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
  }
  const { centre, radius } = figure;
  return Array.from({ length: 48 }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / 48;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  });
}

/** Figures on noise, with their annotation: rectangles as boxes, discs as polygons. */
export function scene(name: string, figures: readonly Figure[], width = 64, height = width): Sample {
  const random = new Random(name);
  const data = Float32Array.from({ length: width * height * 3 }, () => random.range(0.3, 0.7));
  const shapes = figures.map((figure): AnnotatedShape => {
    const points = outline(figure);
    rasterizePolygon(points, width, height).forEach((inside, i) => {
      if (inside) data.set(COLORS[figure.kind], i * 3);
    });
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const box: AnnotatedShape['box'] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    return { label: figure.kind, box, groupId: null, ...(figure.kind === 'ball' ? { points } : {}) };
  });
  return {
    name,
    image: { width, height, channels: 3, data },
    annotation: { imagePath: `${name}.png`, width, height, shapes },
  };
}

/** Writes NAME.png and NAME.json as Labelme would. */
export async function writeScene(folder: string, sample: Sample): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${sample.name}.png`), await encodePng(sample.image));
  await writeFile(join(folder, `${sample.name}.json`), formatLabelme(sample.annotation));
}
