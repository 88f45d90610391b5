import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser } from '../browser/browser.ts';
import { bundleStore, everything, makeProject, ORIGIN, openStoreIn, opfs, StoreTabs } from './storeTabs.ts';

let browser: Browser;
let script: string;
let tabs: StoreTabs;
let page: Page;

beforeAll(async () => {
  script = await bundleStore();
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  tabs = await StoreTabs.open(browser, script);
  page = await tabs.storeTab();
  return async () => {
    expect(tabs.thrown).toEqual([]);
    await tabs.context.close();
  };
});

/** Makes the browser one whose pages cannot write to OPFS. */
async function withoutOpfs(): Promise<void> {
  await page.addInitScript(() => Reflect.deleteProperty(FileSystemFileHandle.prototype, 'createWritable'));
  await page.reload();
  await openStoreIn(page);
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the store in Chromium', () => {
  it('has the same after a reload, and changes what it is told to', async () => {
    const id = await makeProject(page, 5);
    const before = await everything(page);
    expect(before.pictures.length).toBe(5);
    expect(before.pictures[0]).toMatchObject({
      picture: { project: id, name: 'left/0.png', size: 2000, split: 'train', done: false, objects: 3 },
      file: ['left/0.png', 'image/png', 2000, expect.any(String)],
    });
    expect(before.pictures[0]!.labels).toContain('"data":[1,0,1,0,1,0]');
    expect((await opfs(page)).length).toBe(10);
    await page.reload();
    expect(await openStoreIn(page)).toBe(0);
    expect(await everything(page)).toEqual(before);

    const [a, b, c] = before.pictures.map(({ picture }) => picture.id);
    const after = await page.evaluate(
      async ([id, a, b, c]) => {
        const { store } = window;
        await store.saveLabels({ picture: a!, objects: window.studio.OBJECTS.slice(0, 2) });
        // The number of objects is that of the labels, whatever an old picture says.
        const [changed] = await store.updatePictures([
          { id: a!, done: true, split: 'test', objects: 77 } as object & { id: string },
        ]);
        await store.removePictures([b!, c!, 'not there']);
        await store.changeProject(id!, { name: 'new name' });
        return { changed, left: await window.studio.everything(store) };
      },
      [id, a, b, c],
    );
    expect(after.changed).toMatchObject({ id: a, done: true, split: 'test', objects: 1, name: 'left/0.png' });
    expect(after.left.projects).toMatchObject([{ name: 'new name' }]);
    expect(after.left.pictures.length).toBe(3);
    expect((await opfs(page)).length).toBe(6);
    await page.reload();
    await openStoreIn(page);
    expect(await everything(page)).toEqual(after.left);

    await page.evaluate((id) => window.store.removeProject(id), id);
    expect(await everything(page)).toEqual({ projects: [], pictures: [] });
    expect(await opfs(page)).toEqual([]);
  });

  it('keeps models and trainings with their files, as long as the project is there', async () => {
    const project = await makeProject(page, 1);
    const kept = await page.evaluate(async (project) => {
      const { models } = window.store;
      const common = { project, name: 'coins', task: 'detect' } as const;
      const begun = await models.addTraining({
        ...{ ...common, train: ['a'], valid: [] },
        settings: { steps: 10 } as never,
      });
      const checkpoint = await models.checkpointOf(begun);
      for (const seed of [1, 2])
        await models.saveCheckpoint(begun, new Blob([window.studio.noise(500, seed)]));
      const file = new Blob([window.studio.noise(300, 3)]);
      const model = await models.addModel(
        { ...common, file: 'coins.safetensors', classNames: ['coin'], training: begun.id },
        file,
      );
      const training = await models.updateTraining(begun.id, {
        ...{ state: 'finished', step: 10, losses: [3, 2], model: model.id },
      });
      const renamed = await models.renameModel(model.id, 'better');
      return { checkpoint, training, renamed };
    }, project);
    expect(kept.checkpoint).toBeUndefined();
    expect(kept.training).toMatchObject({ state: 'finished', step: 10, losses: [3, 2], spent: 0 });
    expect(kept.renamed).toMatchObject({ name: 'better', file: 'coins.safetensors', size: 300 });
    await page.reload();
    // What was left half-written goes, and what a row names stays.
    expect(await openStoreIn(page)).toBe(0);
    const read = await page.evaluate(async (project) => {
      const { models } = window.store;
      const [model, ...others] = await models.models(project);
      const [training, ...more] = await models.trainings(project);
      const same = async (blob: Blob, seed: number) =>
        new Uint8Array(await blob.arrayBuffer()).every(
          (x, i) => x === window.studio.noise(blob.size, seed)[i],
        );
      const file = await models.fileOf(model!);
      return {
        ...{ model, training, left: others.length + more.length, name: file.name },
        files: [await same(file, 3), await same((await models.checkpointOf(training!))!, 2)],
      };
    }, project);
    expect(read).toEqual({
      ...{ model: kept.renamed, training: kept.training, left: 0, name: 'coins.safetensors' },
      files: [true, true],
    });
    const gone = await page.evaluate(
      async ({ model, training }) => {
        const { models } = window.store;
        await models.removeModel(model);
        return [
          await window.studio.failure(models.model(model.id)),
          await window.studio.failure(models.fileOf(model)),
          await window.studio.failure(models.updateTraining('none', { step: 3 })),
          await window.studio.failure(models.addTraining({ ...training, project: 'none' })),
        ];
      },
      { model: read.model!, training: read.training! },
    );
    expect(gone.map(({ kind }) => kind)).toEqual(['missing', 'missing', 'missing', 'missing']);
    await page.evaluate((id) => window.store.removeProject(id), project);
    expect(await opfs(page)).toEqual([]);
    expect(await page.evaluate((id) => window.store.models.trainings(id), project)).toEqual([]);
  });

  it('keeps masks as run lengths, and reads the pixels of older studios', async () => {
    const id = await makeProject(page, 1);
    const { row, fresh, old } = await page.evaluate(async (id) => {
      const [picture] = await window.store.pictures(id);
      const data = new Uint8Array(1200).fill(1, 100, 400);
      const shape = { kind: 'mask' as const, x: 1, y: 2, width: 40, height: 30, data };
      const labels = { picture: picture!.id, objects: [{ id: 'm', classId: 'c1', shape }] };
      await window.store.saveLabels(labels);
      const db = await window.studio.openDb();
      const read = async () => [...(await window.store.labelsOf(picture!.id)).objects];
      const row = (await db.get('labels', picture!.id))!.objects[0]!.shape;
      const fresh = await read();
      await db.put('labels', labels);
      db.close();
      return { row: JSON.stringify(row), fresh: JSON.stringify(fresh), old: JSON.stringify(await read()) };
    }, id);
    expect(JSON.parse(row)).toEqual({
      ...{ kind: 'mask', x: 1, y: 2, width: 40, height: 30 },
      runs: { 0: 100, 1: 300, 2: 800 },
    });
    expect(fresh).toBe(old);
    expect(fresh).toContain('"data":{"0":0');
  });

  it('adds a file once, and says which picture has it', async () => {
    const id = await makeProject(page, 2);
    const again = await page.evaluate(async (id) => {
      const [a, b, c] = window.studio.pictures(3, 2000);
      return window.store.addPictures(id, [{ ...c!, name: 'x' }, { ...c!, name: 'y' }, a!, b!]);
    }, id);
    expect(again.added.map(({ name }) => name)).toEqual(['x']);
    expect(again.known.map(({ name }) => name)).toEqual(['y', 'left/0.png', 'left/1.png']);
    const { pictures } = await everything(page);
    expect(again.known.map(({ picture }) => picture)).toEqual([
      again.added[0]!.id,
      ...pictures.slice(0, 2).map(({ picture }) => picture.id),
    ]);
    expect((await opfs(page)).length).toBe(6);
    // Another project may have it, too.
    await makeProject(page, 2);
    expect((await everything(page)).pictures.length).toBe(5);
  });

  it('says what is missing, and stores nothing that is wrong', async () => {
    const id = await makeProject(page, 1);
    const failures = await page.evaluate(async (id) => {
      const { failure, pictures, OBJECTS } = window.studio;
      const { store } = window;
      const [picture] = await store.pictures(id);
      const bad = [{ ...OBJECTS[0]!, shape: { kind: 'box' as const, box: [5, 5, 1, 1] as const } }];
      const [p, q] = pictures(2, 3000, 50);
      return Promise.all([
        failure(store.project('nowhere')),
        failure(store.saveProject({ ...(await store.project(id)), id: 'nowhere' })),
        failure(store.addPictures('nowhere', pictures(1, 10, 9))),
        failure(store.saveLabels({ picture: 'nowhere', objects: [] })),
        failure(
          store.updatePictures([
            { id: picture!.id, done: true },
            { id: 'nowhere', done: true },
          ]),
        ),
        failure(store.saveLabels({ picture: picture!.id, objects: bad })),
        failure(store.addPictures(id, [p!, { ...q!, labels: bad }])),
        failure(
          store.saveProject({
            ...(await store.project(id)),
            classes: [{ id: '1', name: '', color: 'red', key: '' }],
          }),
        ),
        failure(store.createProject({ name: 7 as unknown as string })),
        failure(store.fileOf({ ...picture!, id: 'nowhere' })),
        failure(store.fileOf({ ...picture!, size: 3 })),
      ]);
    }, id);
    expect(failures.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 5 }, () => 'missing'),
      ...Array.from({ length: 4 }, () => 'corrupt'),
      ...['missing', 'corrupt'],
    ]);
    const { pictures } = await everything(page);
    expect(pictures.map(({ picture }) => [picture.done, picture.objects])).toEqual([[false, 3]]);
    expect((await opfs(page)).length).toBe(2);
  });

  it.each([
    'indexeddb',
    'opfs',
  ] as const)('leaves nothing half-written where the storage is full, and goes on when it is not (%s)', async (where) => {
    // From the beginning: Chromium looks only now and then at how much a database may take.
    await tabs.context.close();
    tabs = await StoreTabs.open(browser, script);
    page = await tabs.tab();
    const session = await tabs.context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: ORIGIN, quotaSize: 400_000 });
    if (where === 'indexeddb') await withoutOpfs();
    else await openStoreIn(page);
    const id = await makeProject(page, 2);
    const before = await everything(page);
    const files = await opfs(page);
    const full = await page.evaluate(
      ([id, picture]) => {
        const { failure, pictures, noise } = window.studio;
        const mask = { kind: 'mask' as const, x: 0, y: 0, width: 2000, height: 1000 };
        // Run lengths would take more.
        const data = noise(2_000_000, 3).map((value) => value & 1);
        const object = { id: 'm', classId: 'c1', shape: { ...mask, data } };
        return Promise.all([
          failure(window.store.addPictures(id!, pictures(8, 100_000, 10))),
          failure(window.store.saveLabels({ picture: picture!, objects: [object] })),
        ]);
      },
      [id, before.pictures[0]!.picture.id],
    );
    expect(full).toEqual([
      { kind: 'quota', message: expect.stringMatching(/^adding pictures: the storage .* is full/) },
      { kind: 'quota', message: expect.stringMatching(/^saving the labels: the storage .* is full/) },
    ]);
    expect(await everything(page)).toEqual(before);
    expect((await opfs(page)).sort()).toEqual(files.sort());
    const blobs = await page.evaluate(async () => (await window.studio.openDb()).count('blobs'));
    expect(blobs).toBe(where === 'opfs' ? 0 : 4);
    const { used, total } = (await page.evaluate(() => window.studio.quota()))!;
    expect([used > 0, total]).toEqual([true, 400_000]);

    await session.send('Storage.overrideQuotaForOrigin', { origin: ORIGIN });
    await page.evaluate((id) => window.store.addPictures(id, window.studio.pictures(8, 100_000, 10)), id);
    expect((await everything(page)).pictures.length).toBe(10);
    expect(await page.evaluate(() => window.studio.askPersistence())).toEqual(expect.any(Boolean));
  });

  it.each([
    'indexeddb',
    'opfs',
  ] as const)('exports a project and imports it again, byte for byte (%s)', async (where) => {
    if (where === 'indexeddb') await withoutOpfs();
    expect(await page.evaluate(() => window.store.filesIn)).toBe(where);
    const id = await makeProject(page, 40, 30_000);
    const before = await everything(page);
    const result = await page.evaluate(async (id) => {
      const { exportProject, importProject, failure } = window.studio;
      const { store } = window;
      const zipped = async (id: string) => new Response(await exportProject(store, id)).blob();
      await window.studio.bringModels(store, id);
      const zip = await zipped(id);
      await store.removeProject(id);
      const removed = await window.studio.everything(store);
      const progress: [number, number][] = [];
      const thumbnail = async (file: Blob) => file.slice(0, 10);
      const project = await importProject(store, zip, {
        thumbnail,
        onProgress: (...values) => progress.push(values),
      });
      const again = await zipped(project.id);
      const [a, b] = await Promise.all(
        [zip, again].map(async (blob) => new Uint8Array(await blob.arrayBuffer())),
      );
      const imported = await window.studio.everything(store);
      const [training] = await store.models.trainings(project.id);
      const [model] = await store.models.models(project.id);
      const linked = [model!.training === training!.id, training!.model === model!.id];
      const learned = training!.train.map((one) =>
        imported.pictures.map(({ picture }) => picture.id).indexOf(one),
      );
      // One picture that is damaged: nothing of the project stays.
      const broken = a!.slice();
      broken[broken.length >> 1]! ^= 1;
      const refused = await failure(importProject(store, new Blob([broken])));
      const left = (await window.studio.everything(store)).pictures.length;
      return {
        removed,
        progress,
        imported,
        refused,
        left,
        links: { linked, learned },
        same: a!.every((byte, i) => byte === b![i]),
        sizes: [a!.length, b!.length],
      };
    }, id);
    expect(result.removed.pictures).toEqual([]);
    expect(result.progress).toEqual([
      [16, 40],
      [32, 40],
      [40, 40],
    ]);
    expect(result.links).toEqual({ linked: [true, true], learned: [0] });
    expect([result.same, result.sizes[0]]).toEqual([true, result.sizes[1]]);
    const plain = ({
      picture: { id, project, ...picture },
      file,
      labels,
    }: (typeof before.pictures)[number]) => ({
      picture,
      file,
      labels: labels.replace(id, ''),
    });
    expect(result.imported.pictures.map(plain)).toEqual(before.pictures.map(plain));
    expect(result.imported.projects).toMatchObject([
      { name: before.projects[0]!.name, classes: before.projects[0]!.classes },
    ]);
    expect(result.refused).toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('not the file that was saved'),
    });
    expect(result.left).toBe(40);
    expect((await opfs(page)).length).toBe(where === 'opfs' ? 82 : 0);
    await page.reload();
    await openStoreIn(page);
    expect(await everything(page)).toEqual(result.imported);
    await page.evaluate(async () => {
      for (const { id } of await window.store.projects()) await window.store.removeProject(id);
    });
    const blobs = await page.evaluate(async () => (await window.studio.openDb()).count('blobs'));
    expect([blobs, await opfs(page)]).toEqual([0, []]);
  });
});
