import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../../cli/src/images.ts';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { formatLabelme } from '../../src/data/formats/labelme/format.ts';
import { polygonBounds, rasterizePolygon } from '../../src/data/polygon.ts';
import { encodeSafetensors, type StateDict } from '../../src/io/safetensors.ts';
import type { RetinaNetConfig } from '../../src/models/retinanet.ts';
import type { Module } from '../../src/nn/module.ts';
import type { ModelName } from '../../src/tasks/architectures.ts';
import { defaultSettings, type SettingsOptions, type TrainSettings } from '../../src/tasks/settings.ts';
import type { Point } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';

/** A filled figure on the noise; its kind is its class. */
export type Figure =
  | { readonly kind: 'crate'; readonly box: readonly [number, number, number, number] }
  | { readonly kind: 'ball'; readonly centre: readonly [number, number]; readonly radius: number };

const COLORS = { crate: [0.9, 0.25, 0.2], ball: [0.15, 0.35, 0.95] } as const;

/** Two figures that fill most of a square image. */
export const twoFigures = (side: number): readonly Figure[] => {
  const at = (share: number) => Math.round(share * side);
  return [
    { kind: 'crate', box: [at(0.06), at(0.1), at(0.5), at(0.47)] },
    { kind: 'ball', centre: [at(0.69), at(0.69)], radius: at(0.23) },
  ];
};

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
export function scene(name: string, figures: readonly Figure[], width: number, height = width): Sample {
  const random = new Random(name);
  const data = Float32Array.from({ length: width * height * 3 }, () => random.range(0.3, 0.7));
  const shapes = figures.map((figure): AnnotatedShape => {
    const points = outline(figure);
    rasterizePolygon(points, { width, height }).forEach((inside, i) => {
      if (inside) data.set(COLORS[figure.kind], i * 3);
    });
    const shape = { label: figure.kind, box: polygonBounds(points), groupId: null };
    return figure.kind === 'ball' ? { ...shape, points } : shape;
  });
  return {
    name,
    image: { width, height, channels: 3, data },
    annotation: { imagePath: `${name}.png`, width, height, shapes },
  };
}

/** The image that most tests train on. */
export const twoScene = (side: number): Sample => scene('two', twoFigures(side), side);

/** Writes NAME.png and NAME.json as Labelme would. */
export async function writeScene(folder: string, sample: Sample): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${sample.name}.png`), await encodePng(sample.image));
  await writeFile(
    join(folder, `${sample.name}.json`),
    formatLabelme(sample.annotation, { imagePath: `${sample.name}.png` }),
  );
}

/** Settings for images of this side, without augmentation: every crop is the whole image. */
export function settingsFor(
  model: ModelName,
  samples: readonly Sample[],
  options: SettingsOptions = {},
): TrainSettings {
  const cropSize = samples[0]!.image.width;
  return defaultSettings(model, samples, { cropSize, augment: 'none', ...options });
}

/** The same with another normalisation in a RetinaNet's backbone. */
export function withNorm(settings: TrainSettings, norm: 'group' | 'batch'): TrainSettings {
  const config = settings.config as RetinaNetConfig;
  return { ...settings, config: { ...config, backbone: { ...config.backbone, norm } } };
}

/** The bytes that weights are saved as, to be compared. */
export const bytesOf = (weights: StateDict): string =>
  Buffer.from(encodeSafetensors(weights)).toString('base64');

/** The weights of a model as it was built. */
export const initialWeights = (model: Module): StateDict =>
  new Map(
    model
      .namedStates()
      .map(([name, { spec, initial }]) => [
        name,
        { dtype: 'f32', shape: spec.shape, data: Float32Array.from(initial) },
      ]),
  );
