import type { ObjectFlags } from '../../src/data/annotation.ts';
import type {
  LabelObject,
  Picture,
  PictureLabels,
  SavedModel,
  Training,
} from '../../web/src/studio/project/model.ts';
import { digestOf } from '../../web/src/studio/store/digest.ts';
import type { ModelSource } from '../../web/src/studio/store/modelsFile.ts';
import type { ProjectFields, ProjectSource } from '../../web/src/studio/store/projectFile.ts';

/** Text that does harm where it is taken for markup, a path or a format. */
export const HOSTILE = '<img src=x onerror=alert(1)>"\\\u202e\u0000%s\ud800{{1}}';

export const PROJECT: ProjectFields = {
  name: `Coins ${HOSTILE}`,
  created: 1_700_000_000_123,
  task: 'segment',
  classes: [
    { id: 'c1', name: `coin ${HOSTILE}`, color: '#ff0080', key: '1' },
    { id: '__proto__', name: '__proto__', color: '#00FF80', key: '' },
  ],
};

/** One object of every kind. A field that model.ts gains is missing here, says the type. */
const EVERY_FIELD: Required<LabelObject> = {
  ...{ id: 'o1', classId: 'c1', score: 0.5, group: 3 },
  flags: { crowd: true, difficult: false, truncated: true, occluded: true } satisfies Required<ObjectFlags>,
  shape: { kind: 'box', box: [1.5, 2, 30.25, 40] },
};
export const OBJECTS: readonly LabelObject[] = [
  EVERY_FIELD,
  {
    id: 'o2',
    classId: '__proto__',
    shape: {
      kind: 'polygon',
      points: [
        [0.1, 0.2],
        [10, 0],
        [5, 9.999],
      ],
    },
  },
  { id: 'o3', classId: 'c1', shape: { kind: 'point', at: [-3, 7] } },
  {
    id: 'o4',
    classId: 'c1',
    shape: { kind: 'mask', x: 4, y: 5, width: 3, height: 2, data: Uint8Array.of(1, 0, 1, 0, 1, 0) },
  },
];

/** Bytes that do not compress and differ by `seed`. */
export function noise(count: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed + 1;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** A project with pictures of these names, as `writeProjectFile` takes it. */
export async function sampleProject(names: readonly string[], bytes = 5000): Promise<ProjectSource> {
  const files = new Map<string, Blob>();
  const pictures: Picture[] = [];
  for (const [i, name] of names.entries()) {
    const file = new Blob([noise(bytes + i, i)]);
    const picture: Required<Omit<Picture, 'classes'>> = {
      id: `p${i}`,
      project: 'project',
      name,
      width: 64,
      height: 48,
      size: file.size,
      digest: await digestOf(file),
      hash: '00ff00ff00ff00ff',
      added: 1_700_000_000_000 + i,
      split: 'valid',
      done: i % 2 === 0,
      objects: 0,
    };
    files.set(picture.id, file);
    pictures.push(picture);
  }
  return {
    project: PROJECT,
    pictures,
    fileOf: async ({ id }) => files.get(id)!,
    labelsOf: async ({ id }): Promise<PictureLabels> => ({
      picture: id,
      objects: id === 'p1' ? [] : OBJECTS,
    }),
  };
}

/** Two models and a finished training, and one that is not; of a project with these pictures. A field that model.ts gains is missing here, says the type. */
export function sampleModels(pictures: readonly Picture[]): ModelSource {
  const common = { project: 'project', task: 'detect' } as const;
  const ids = pictures.map(({ id }) => id);
  const made: Required<SavedModel> = {
    ...{ ...common, id: 'm0', name: `coins ${HOSTILE}`, created: 1_700_000_000_500, training: 't1' },
    ...{ file: `${HOSTILE}.safetensors`, size: 400, classNames: [HOSTILE, 'coin'], arch: 'resnet50' },
    metric: { name: 'val_ap', value: 0.9375 },
  };
  const brought: SavedModel = {
    ...{ ...common, id: 'm1', name: 'brought', created: 3, file: 'brought.onnx', size: 300, classNames: [] },
  };
  const training: Required<Training> = {
    ...{ ...common, id: 't1', name: 'first', created: 1_700_000_000_400, state: 'finished' },
    settings: JSON.parse(
      '{"model":"retinanet","classNames":["coin"],"config":{"depth":[1,null,true]},"augment":[{"name":"flip"}],"lr":0.003,"steps":3}',
    ),
    ...{ train: [ids[0]!, 'gone'], valid: [ids[1]!], start: 'm1', model: 'm0', reason: 'none', step: 3 },
    ...{ losses: [3.5, Number.NaN, 1.25], spent: 1234.5 },
    epochs: [{ step: 3, logs: { loss: 2, val_ap: Number.NaN }, best: true }],
  };
  const paused: Training = {
    ...training,
    id: 't0',
    name: 'paused',
    state: 'paused',
    model: undefined as never,
  };
  return {
    models: [made, brought],
    trainings: [paused, training],
    fileOf: async ({ size, id }) => new Blob([noise(size, id === 'm0' ? 50 : 51)]),
  };
}
