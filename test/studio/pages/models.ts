/** The store and the runner of models, for models.test.ts. */

import { mistakesAt } from '../../../web/src/studio/learn/judged.ts';
import { ModelRunner } from '../../../web/src/studio/learn/models.ts';
import type { LabelObject, Point, ProjectTask } from '../../../web/src/studio/project/model.ts';
import { openStore } from '../../../web/src/studio/store/index.ts';

const runner = new ModelRunner();
const store = await openStore();

/** A project of coins with so many pictures, of which each is labelled, and the models whose files are given. */
async function makeProject(
  image: Blob,
  labels: string,
  count: number,
  files: readonly { readonly name: string; readonly task: ProjectTask; readonly bytes: Uint8Array }[],
) {
  const classes = [{ id: 'c', name: 'coin', color: '#0072b2', key: '1' }];
  const project = await store.createProject({ name: 'coins', classes });
  const { shapes } = JSON.parse(labels) as {
    readonly shapes: readonly { readonly points: readonly Point[] }[];
  };
  const objects = shapes.map(
    ({ points }, i): LabelObject => ({ id: String(i), classId: 'c', shape: { kind: 'polygon', points } }),
  );
  const { width, height } = await createImageBitmap(image);
  const { added } = await store.addPictures(
    project.id,
    Array.from({ length: count }, (_, i) => ({
      file: new Blob([image, String(i)]),
      name: `coins ${i}.png`,
      ...{ width, height, labels: objects, thumbnail: new Blob() },
    })),
  );
  const models = [];
  for (const { name, task, bytes } of files) {
    const given = { project: project.id, name, task, file: name, classNames: ['coin'] };
    models.push(await store.models.addModel(given, new Blob([bytes as Uint8Array<ArrayBuffer>])));
  }
  return { pictures: added.map(({ id }) => id), models: models.map(({ id }) => id) };
}

const tools = { runner, store, makeProject, mistakesAt };

declare global {
  interface Window {
    tools: typeof tools;
    /** How many pictures were judged. */
    progress: number;
    made: Awaited<ReturnType<typeof makeProject>>;
  }
}

window.tools = tools;
