import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { imageFromBytes } from '../../src/data/image.ts';
import { openModel } from '../../src/open/index.ts';
import type { Picture, ProjectTask, SavedModel } from '../../web/src/studio/project/model.ts';
import type { ModelSource } from '../../web/src/studio/store/modelsFile.ts';
import { openPage } from '../browser/browser.ts';
import { foveaHere } from '../cli/here.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { coinsProject, openProjectFile, unpackInto } from './exportProject.ts';
import { classifierFile, detectorFile, segmenterFile } from './modelFiles.ts';
import { axeFaults, COINS, coins, enterRoom, Studio } from './studioPage.ts';

const coinsFile = path.join(import.meta.dirname, '../../examples/coins/coins.png');
/** Bytes of the library beside a page that runs a model, gzipped. */
const BUDGET = 340 * 1024;

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
let folder: string;
let files: Readonly<Record<ProjectTask, Uint8Array>>;

/** The models of the project: one of each task. */
function modelsOf(_: readonly Picture[]): ModelSource {
  const tasks = ['detect', 'segment', 'classify'] as const;
  const models = tasks.map(
    (task, i): SavedModel => ({
      ...{ id: task, project: 'project', name: `My <b> ${task}`, created: i, task },
      ...{ file: `${task}.safetensors`, size: files[task].length, classNames: ['coin'] },
    }),
  );
  return {
    ...{ models, trainings: [] },
    fileOf: async ({ task }) => new Blob([new Uint8Array(files[task])]),
  };
}

beforeAll(async () => {
  files = {
    detect: await detectorFile(),
    segment: await segmenterFile(),
    classify: await classifierFile(),
  };
});
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-export-models-'));
  context = await studio.visitor({ acceptDownloads: true });
  // Without the dialog for files, which no test can answer.
  await context.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  page = await studio.open(context);
  const classes = [{ id: 'coin', name: 'coin', color: '#ff0080', key: '' }];
  const points: [number, number][] = [
    [20, 20],
    [70, 20],
    [70, 70],
    [20, 70],
  ];
  const objects = [{ id: 'o', classId: 'coin', shape: { kind: 'polygon', points } }] as const;
  const given = [{ name: 'a.png', split: 'train', objects }] as const;
  await openProjectFile(page, await coinsProject({ name: 'A', task: 'detect', classes }, given, modelsOf));
  await enterRoom(page, 'Export');
  await page.getByText('My <b> detect').waitFor();
  return async () => {
    rmSync(folder, { recursive: true });
    await studio.leave(context);
  };
});

/** Clicks a button, and returns what it saves. */
async function saved(button: string): Promise<{ name: string; content: Buffer }> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: button, exact: true }).click();
  const file = await download;
  const name = file.suggestedFilename();
  await page.getByText(`${name} is saved.`).waitFor();
  return { name, content: readFileSync(await file.path()) };
}

/** Serves a folder on this machine. */
async function serveFolder(dir: string): Promise<{ url: string; server: Server }> {
  const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
  const server = createServer((request, response) => {
    const name = request.url === '/' ? 'index.html' : path.basename(request.url!);
    response.setHeader('content-type', types[path.extname(name)] ?? 'application/octet-stream');
    response.end(readFileSync(path.join(dir, name)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('models that are taken away', () => {
  it('are what was stored, and ONNX files that the command line runs', async () => {
    expect(await axeFaults(page)).toEqual([]);
    const stored = await saved('Save .safetensors of My <b> detect');
    expect(stored.name).toBe('detect.safetensors');
    expect(new Uint8Array(stored.content)).toEqual(files.detect);
    for (const task of ['detect', 'segment', 'classify'] as const) {
      const { name, content } = await saved(`Save .onnx of My <b> ${task}`);
      expect(name).toBe(`${task}.onnx`);
      // The same as the command line writes.
      const [from, to] = [path.join(folder, `${task}.safetensors`), path.join(folder, 'cli', name)];
      mkdirSync(path.join(folder, 'cli'), { recursive: true });
      writeFileSync(from, files[task]);
      expect((await foveaHere('export', from, to)).code).toBe(0);
      expect(content.equals(readFileSync(to))).toBe(true);
      const exported = path.join(folder, name);
      writeFileSync(exported, content);
      const found = await foveaHere(task, exported, coinsFile, '--out', path.join(folder, `found-${task}`));
      expect([found.code, found.stdout]).toEqual([0, expect.stringContaining('coins.png')]);
    }
    // And judged by the data set that was taken away with them.
    const { content } = await saved('Save the data set…');
    const data = path.join(folder, 'data');
    unpackInto(data, content);
    for (const name of ['detect.onnx', 'detect.safetensors', 'segment.onnx', 'segment.safetensors']) {
      const judged = await foveaHere('eval', path.join(folder, name), '--data', data);
      expect([judged.code, judged.stdout]).toEqual([0, expect.stringMatching(/^(?:class|coin) .*\d/m)]);
    }
    const info = await foveaHere('info', path.join(folder, 'detect.safetensors'));
    expect([info.code, info.stdout]).toEqual([0, expect.stringContaining('retinanet')]);
  });

  it.each(['detect', 'segment', 'classify'] as const)('run in a page of a few lines: %s', async (task) => {
    const { name, content } = await saved(`Save a page that runs it: My <b> ${task}`);
    expect(name).toBe(`My _b_ ${task}.zip`);
    expect(unpackInto(folder, content)).toEqual(['fovea.js', 'index.html', 'model.safetensors']);
    const html = readFileSync(path.join(folder, 'index.html'), 'utf8');
    expect(html.split('\n').length).toBeLessThan(40);
    expect(html).not.toContain('<b>');
    const library = readFileSync(path.join(folder, 'fovea.js'));
    expect(gzipSync(library, { level: 9 }).length).toBeLessThan(BUDGET);

    const { url, server } = await serveFolder(folder);
    const visitor = await studio.browser.newContext();
    try {
      const run = await openPage(visitor);
      const [thrown, asked]: [string[], string[]] = [[], []];
      run.on('pageerror', (error) => thrown.push(error.message));
      run.on('request', (request) => asked.push(request.url()));
      await run.goto(url);
      await run.getByText('Choose a picture').waitFor();
      const pixels = () => run.evaluate(() => document.querySelector('canvas')!.toDataURL());
      await run.locator('input').setInputFiles(coins(0));
      const says = run.getByRole('status');
      await run.waitForFunction(() =>
        /\d (?:found|%)$|coin$/.test(document.querySelector('[role=status]')!.textContent!),
      );
      const text = await says.innerText();
      expect(text).toBe(await expected(task));
      expect(await run.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.width)).toBe(384);
      if (task !== 'classify') {
        const shown = await pixels();
        const plain = await run.evaluate(async () => {
          const canvas = document.querySelector('canvas')!;
          const { files: chosen } = document.querySelector('input')!;
          canvas.getContext('2d')!.drawImage(await createImageBitmap(chosen![0]!), 0, 0);
          return canvas.toDataURL();
        });
        expect(shown).not.toBe(plain);
      }
      expect(thrown).toEqual([]);
      expect(asked.filter((one) => !one.startsWith(url) && !one.startsWith('data:'))).toEqual([]);
    } finally {
      await visitor.close();
      server.close();
    }
  });
});

/** What the library finds here, in the words of the page. */
async function expected(task: ProjectTask): Promise<string> {
  const gpu = await sharedGpu();
  const { data, width, height } = await decoded();
  const image = imageFromBytes(data, { width, height });
  const model = await openModel(files[task]);
  if (task === 'detect')
    return `${(await model.detector(gpu).detect(image, { scoreThreshold: 0.5 })).length} found`;
  if (task === 'segment') {
    const { labels } = await model.segmenter(gpu).segment(image);
    return [...new Set(labels)]
      .filter((label) => label > 0)
      .map((label) => model.classNames[label - 1])
      .join(', ');
  }
  const [best] = await model.classifier(gpu).classify(image);
  return `${best!.label}, ${Math.round(100 * best!.score)} %`;
}

async function decoded() {
  const { default: sharp } = await import('sharp');
  const { data, info } = await sharp(COINS).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
