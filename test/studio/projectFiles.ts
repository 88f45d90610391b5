import { expect } from 'vitest';
import {
  type ProjectSource,
  readProjectFile,
  writeProjectFile,
} from '../../web/src/studio/store/projectFile.ts';

/** What project.json holds, to change something of. */
export type Json = Record<string, unknown> & {
  pictures: (Record<string, unknown> & { objects: Record<string, unknown>[] })[];
};

export async function zipOf(source: ProjectSource): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of writeProjectFile(source) as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
export const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

/** All that is in a project file, as JSON. */
export async function contentOf(zip: Uint8Array) {
  const { project, pictures, models, trainings } = await readProjectFile(new Blob([new Uint8Array(zip)]));
  const read = [];
  for (const { fields, labels, file } of pictures) {
    read.push({ fields, labels: labels(), bytes: [...(await bytesOf(await file()))].length });
  }
  const files = [];
  for (const { file, ...model } of models)
    files.push({ ...model, bytes: (await bytesOf(await file())).length });
  return { project, pictures: read, models: files, trainings };
}

/** The places of all values. */
export function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const below = Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]));
  return path.length === 0 ? below : [[...path], ...below];
}

export function put(root: unknown, path: readonly string[], value: unknown): void {
  const holder = path.slice(0, -1).reduce((at, key) => (at as Record<string, unknown>)[key], root);
  (holder as Record<string, unknown>)[path.at(-1)!] = value;
}

/** Each value of what was read has the type that model.ts says. */
export function expectTypes(
  { project, pictures, models, trainings }: Awaited<ReturnType<typeof contentOf>>,
  where: string,
): void {
  const [text, number] = [expect.any(String), expect.any(Number)];
  const color = expect.stringMatching(/^#[0-9a-f]{6}$/i);
  expect(project, where).toEqual({
    ...{ name: text, created: number, task: expect.stringMatching(/^(?:detect|segment|classify)$/) },
    classes: project.classes.map(() => ({ id: text, name: text, color, key: text })),
  });
  for (const { fields, labels } of pictures) {
    const { hash = '0', ...others } = fields;
    expect({ ...others, hash }, where).toEqual({
      ...{
        name: text,
        width: number,
        height: number,
        size: number,
        added: number,
        done: expect.any(Boolean),
      },
      ...{ digest: expect.stringMatching(/^[0-9a-f]{64}$/), hash: expect.stringMatching(/^[0-9a-f]+$/) },
      split: expect.stringMatching(/^(?:train|valid|test)$/),
    });
    for (const { shape, score = 0, group = 0, flags = {}, ...ids } of labels) {
      expect([score, group, ids], where).toEqual([number, number, { id: text, classId: text }]);
      for (const flag of Object.values(flags)) expect(flag, where).toBeTypeOf('boolean');
      const { kind, ...place } = shape;
      expect(kind, where).toMatch(/^(?:box|polygon|point|mask)$/);
      for (const value of Object.values(place).flat(2)) {
        expect(value instanceof Uint8Array || Number.isFinite(value), where).toBe(true);
      }
    }
  }
  const task = expect.stringMatching(/^(?:detect|segment|classify)$/);
  for (const { fields, training = 0, bytes } of models) {
    const { arch = '', metric = { name: '', value: 0 }, ...others } = fields;
    expect([bytes, training, arch, metric], where).toEqual([
      ...[others.size, number, text, { name: text, value: number }],
    ]);
    expect(others, where).toEqual({
      ...{ name: text, created: number, task, file: text, size: number },
      classNames: others.classNames.map(() => text),
    });
  }
  for (const { fields, train, valid, start = 0, model = 0 } of trainings) {
    for (const at of [start, model, ...train, ...valid]) expect(at, where).toEqual(number);
    expect(fields, where).toEqual({
      ...{ name: text, created: number, task, state: 'finished', settings: expect.any(Object) },
      ...{ step: number, spent: number, losses: fields.losses.map(() => number) },
      epochs: fields.epochs.map(({ logs }) => ({
        ...{ step: number, best: expect.any(Boolean) },
        logs: Object.fromEntries(Object.keys(logs).map((name) => [name, number])),
      })),
    });
  }
}
