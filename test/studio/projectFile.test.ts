import { strFromU8, strToU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { rleToString } from '../../src/vision/rleText.ts';
import { PROJECT_VERSION } from '../../web/src/studio/project/model.ts';
import { StoreError } from '../../web/src/studio/store/errors.ts';
import { pathsInZip } from '../../web/src/studio/store/fileNames.ts';
import { readProjectFile, writeProjectFile } from '../../web/src/studio/store/projectFile.ts';
import { bytesOf, contentOf, expectTypes, type Json, pathsOf, put, zipOf } from './projectFiles.ts';
import { HOSTILE, noise, PROJECT, sampleModels, sampleProject } from './projectSamples.ts';

const NAMES = ['a/0001.jpg', 'b/0001.jpg', 'a/0001.JPG', `../../etc/${HOSTILE}.png`, 'a/0001.jpg'];

/** The error of opening a zip and reading everything in it. */
async function refusal(zip: Uint8Array): Promise<StoreError> {
  try {
    const { pictures, models } = await readProjectFile(new Blob([new Uint8Array(zip)]));
    for (const picture of pictures) {
      picture.labels();
      await picture.file();
    }
    for (const model of models) await model.file();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).message).toMatch(/^opening the project file: .{20,400}$/);
    return error as StoreError;
  }
  throw new Error('it was not refused');
}

/** The files of a small good project, to change one thing of. */
async function goodFiles(): Promise<Record<string, Uint8Array>> {
  const source = await sampleProject(['one.png', 'two.png'], 300);
  return unzipSync(await zipOf({ ...source, models: sampleModels(source.pictures) }));
}
async function withJson(change: (json: Json) => unknown): Promise<Uint8Array> {
  const files = await goodFiles();
  const json = JSON.parse(strFromU8(files['project.json']!)) as Json;
  const changed = change(json);
  const text = typeof changed === 'string' ? changed : JSON.stringify(json);
  return zipSync({ ...files, 'project.json': strToU8(text) });
}

describe('a project as a file', () => {
  it('comes back as it was', async () => {
    const source = await sampleProject(NAMES, 100_000);
    const read = await readProjectFile(new Blob([await zipOf(source)]));
    expect(read.project).toEqual(PROJECT);
    expect(read.pictures.length).toBe(NAMES.length);
    for (const [i, { fields, file, labels }] of read.pictures.entries()) {
      const picture = source.pictures[i]!;
      const { id, project, objects, ...rest } = picture;
      expect(fields).toEqual(rest);
      expect(labels()).toEqual((await source.labelsOf(picture)).objects);
      expect(await bytesOf(await file())).toEqual(await bytesOf(await source.fileOf(picture)));
    }
  });

  it('has the models and what they were trained with', async () => {
    const source = await sampleProject(['one.png', 'two.png'], 300);
    const models = sampleModels(source.pictures);
    const read = await readProjectFile(new Blob([await zipOf({ ...source, models })]));
    const [made, brought] = models.models;
    const { id: _, project: __, training: ___, ...fields } = made!;
    expect(read.models).toMatchObject([{ fields, training: 0 }, { fields: { file: 'brought.onnx' } }]);
    expect(read.models[1]).not.toHaveProperty('training');
    expect(brought).not.toHaveProperty('metric');
    for (const [i, { file }] of read.models.entries()) {
      expect(await bytesOf(await file())).toEqual(await bytesOf(await models.fileOf(models.models[i]!)));
    }
    const { name, created, task, settings, step, losses, epochs, spent } = models.trainings[1]!;
    expect(read.trainings).toEqual([
      {
        fields: { name, created, task, state: 'finished', settings, step, losses, epochs, spent },
        ...{ train: [0], valid: [1], start: 1, model: 0 },
      },
    ]);
  });

  it('of a studio that kept no models is read', async () => {
    const {
      models: _,
      trainings: __,
      ...old
    } = JSON.parse(strFromU8((await goodFiles())['project.json']!)) as Json;
    const text = JSON.stringify({ ...old, version: 1 });
    const read = await readProjectFile(new Blob([new Uint8Array(await withJson(() => text))]));
    expect([read.pictures.length, read.models, read.trainings]).toEqual([2, [], []]);
  });

  it('is the same bytes each time, and other programs read it', async () => {
    const source = await sampleProject(NAMES);
    const zip = await zipOf(source);
    expect(await zipOf(source)).toEqual(zip);
    const files = unzipSync(zip);
    expect(Object.keys(files)).toEqual(['project.json', ...pathsInZip(NAMES)]);
    const json = JSON.parse(strFromU8(files['project.json']!)) as Json;
    expect(json).toMatchObject({ format: 'fovea-studio', version: PROJECT_VERSION, task: 'segment' });
    // Down the columns of 101 over 010: 1 inside, 2 outside, 2 inside, 1 outside.
    const counts = rleToString({ size: [2, 3], counts: [0, 1, 2, 2, 1] });
    expect(json.pictures[0]!.objects[3]!.shape).toEqual({
      ...{ kind: 'mask', x: 4, y: 5, width: 3, height: 2, counts },
    });
  });

  it('is read after another program has packed it', async () => {
    const files = await goodFiles();
    const packed: Zippable = { 'files/': new Uint8Array(), 'notes.txt': strToU8('mine'), ...files };
    const { pictures } = await readProjectFile(
      new Blob([zipSync(packed, { level: 9, comment: 'x' } as object)]),
    );
    expect(await bytesOf(await pictures[1]!.file())).toEqual(files['files/two.png']);
  });

  it('of no pictures is one, too', async () => {
    const { project, pictures } = await readProjectFile(new Blob([await zipOf(await sampleProject([]))]));
    expect([project.name, pictures]).toEqual([PROJECT.name, []]);
  });

  it('stops where its reader stops, and says what a source throws', async () => {
    const source = await sampleProject(NAMES, 200_000);
    let asked = 0;
    const reader = writeProjectFile({
      ...source,
      fileOf(picture) {
        asked++;
        return source.fileOf(picture);
      },
    }).getReader();
    for (let i = 0; i < 4; i++) await reader.read();
    await reader.cancel();
    expect(asked).toBeLessThan(NAMES.length);
    const broken = {
      ...source,
      fileOf: () => Promise.reject(new StoreError('missing', 'reading a.jpg', 'gone')),
    };
    await expect(zipOf(broken)).rejects.toMatchObject({ kind: 'missing' });
    const large = { ...source, pictures: source.pictures.map((picture) => ({ ...picture, size: 2 ** 31 })) };
    await expect(zipOf(large)).rejects.toThrow(
      /5 pictures and 0 models with \d+ bytes; a zip has 65533 at most and less than 4 GB/,
    );
  });
});

describe('names in a project file', () => {
  it('can be unpacked side by side on every system', () => {
    const paths = pathsInZip([
      ...['../../a.png', '/etc/passwd', 'C:\\x\\y.png', 'con.jpg', 'a.png', 'A.PNG', '', '...', '.png'],
      ...[
        `${HOSTILE}.jpg`,
        `${'long/'.repeat(200)}x.jpg`,
        `${'n'.repeat(900)}.jpeg`,
        'e\u0301.png',
        '\u00e9.png',
        'dot. ',
      ],
    ]);
    expect(paths.slice(0, 9)).toEqual([
      ...['files/a.png', 'files/etc/passwd', 'files/C_/x/y.png', 'files/_con.jpg', 'files/a (2).png'],
      ...['files/A (3).PNG', 'files/picture', 'files/picture (2)', 'files/.png'],
    ]);
    expect(new Set(paths.map((path) => path.normalize('NFC').toLowerCase())).size).toBe(paths.length);
    for (const path of paths) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there.
      expect(path).toMatch(/^files\/(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^\\\u0000-\u001f<>:"|?*]{1,450}$/);
      expect(path.endsWith('.') || path.endsWith(' ')).toBe(false);
    }
  });

  it('that are all the same take no longer than others', () => {
    const paths = pathsInZip(Array.from({ length: 20_000 }, () => 'image.jpg'));
    expect(paths.at(-1)).toBe('files/image (20000).jpg');
  });
});

describe('a hostile project file', () => {
  it('is refused where it is no zip, cut off or damaged', async () => {
    const zip = await zipOf(await sampleProject(['one.png', 'two.png'], 300));
    expect((await refusal(new Uint8Array())).kind).toBe('corrupt');
    expect((await refusal(strToU8('no zip at all, but long enough to be one'))).message).toContain('no zip');
    for (const length of [21, 100, zip.length >> 1, zip.length - 1]) {
      expect((await refusal(zip.slice(0, length))).kind).toBe('corrupt');
    }
    // Whatever byte is changed, it is refused or it does not matter.
    const good = JSON.stringify(await contentOf(zip));
    let refused = 0;
    for (let at = 0; at < zip.length; at++) {
      const changed = zip.slice();
      changed[at]! ^= 1 << (at % 8);
      const content = await contentOf(changed).catch((error) => {
        expect(error, `byte ${at}`).toBeInstanceOf(StoreError);
        refused++;
        return undefined;
      });
      if (content) expect(JSON.stringify(content), `byte ${at}`).toBe(good);
    }
    expect(refused).toBeGreaterThan(zip.length / 2);
  });

  it('is refused for names that lead elsewhere', async () => {
    const files = await goodFiles();
    for (const name of [
      '../evil',
      'files/../../evil',
      '/evil',
      'C:/evil',
      'a\\..\\evil',
      'a//b',
      './a',
      'a\u0000.png',
    ]) {
      const error = await refusal(zipSync({ ...files, [name]: strToU8('x') }));
      expect([error.kind, error.message]).toEqual(['corrupt', expect.stringContaining('a file called')]);
    }
  });

  it('is refused where a file unpacks to more than it says, or shares bytes', async () => {
    const json = strToU8(JSON.stringify({ format: 'fovea-studio', version: 1 }).padEnd(100_000));
    const zip = zipSync({ 'project.json': json });
    const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
    const central = view.getUint32(zip.length - 6, true);
    view.setUint32(central + 24, 50, true);
    expect((await refusal(zip)).message).toContain('unpacks to more than the 50 bytes');
    view.setUint32(central + 24, 0xfffffff0, true);
    expect((await refusal(zip)).message).toContain('and 268435456 is the most');

    const files = zipSync({ ...(await goodFiles()), 'files/three.png': noise(100, 9) }, { level: 0 });
    const two = new DataView(files.buffer, files.byteOffset, files.length);
    let at = two.getUint32(files.length - 6, true);
    const offsets: number[] = [];
    for (let i = 0; i < 4; i++) {
      offsets.push(at + 42);
      at += 46 + two.getUint16(at + 28, true);
    }
    two.setUint32(offsets[3]!, two.getUint32(offsets[2]!, true), true);
    expect((await refusal(files)).message).toContain('shares its bytes with another file');
  });

  it('is refused without project.json, or a file that it names', async () => {
    const { 'project.json': json, ...files } = await goodFiles();
    expect(await refusal(zipSync(files))).toMatchObject({ kind: 'missing' });
    const error = await refusal(zipSync({ 'project.json': json! }));
    expect([error.kind, error.message]).toEqual(['missing', expect.stringContaining('files/one.png')]);
    const other = { ...files, 'project.json': json!, 'files/one.png': files['files/two.png']! };
    expect((await refusal(zipSync(other))).message).toContain('pictures[0].size');
    const swapped = { ...files, 'project.json': json!, 'files/one.png': noise(300, 77) };
    expect((await refusal(zipSync(swapped))).message).toContain('not the file that was saved');
  });

  it('is refused for JSON that is none, of another version or kind', async () => {
    for (const text of ['', '{', '[]', 'null', '3', '{"format":"coco"}', `${'['.repeat(200_000)}`]) {
      expect((await refusal(await withJson(() => text))).kind).toBe('corrupt');
    }
    for (const version of [0, PROJECT_VERSION + 1, 1.5, '1', null, undefined, [1], 1e300]) {
      const error = await refusal(await withJson((json) => Object.assign(json, { version })));
      expect(error.message).toContain('the version of project.json is');
    }
    const files = { ...(await goodFiles()), 'project.json': Uint8Array.of(0x7b, 0xff, 0x7d) };
    expect((await refusal(zipSync(files))).message).toContain('not UTF-8');
  });

  it('is refused for any value of a wrong type, wherever it is', async () => {
    const wrong = [undefined, null, true, -1, 1e300, 'text', '', [], {}, [[]], { length: 3 }];
    const reference = JSON.parse(strFromU8((await goodFiles())['project.json']!)) as Json;
    const paths = pathsOf(reference);
    expect(paths.length).toBeGreaterThan(120);
    for (const path of paths) {
      for (const value of wrong) {
        const zip = await withJson((json) => put(json, path, value));
        const content = await contentOf(zip).catch((error) => {
          expect(error, path.join('.')).toBeInstanceOf(StoreError);
        });
        if (content) expectTypes(content, `${path.join('.')} = ${JSON.stringify(value)}`);
      }
    }
  });

  it('changes no prototype', async () => {
    const zip = await withJson((json) => {
      const text = JSON.stringify(json);
      return text.replace(
        '"pictures":[{',
        '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"pictures":[{"__proto__":{"hash":"ff","polluted":1},',
      );
    });
    const { pictures, project } = await readProjectFile(new Blob([new Uint8Array(zip)]));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(project)).toBe(Object.prototype);
    expect(Object.keys(pictures[0]!.fields)).not.toContain('polluted');
    expect((pictures[0]!.fields as { polluted?: number }).polluted).toBeUndefined();
  });

  it.each([
    [
      'a model without a file',
      (json: Json) => put(json, ['models', '0', 'file'], 'files/none'),
      'the zip has no file',
      'missing',
    ],
    [
      'a model that has the file of a picture',
      (json: Json) => {
        put(json, ['models', '0', 'file'], json.pictures[0]!.file);
      },
      'of one picture or model only',
    ],
    [
      'a model that is another',
      (json: Json) => put(json, ['models', '0', 'digest'], '0'.repeat(64)),
      'not the model that was saved',
    ],
    [
      'a training by a picture that is not there',
      (json: Json) => put(json, ['trainings', '0', 'train'], [2]),
      'a number from 0 to 1',
    ],
    [
      'settings that a list cannot show',
      (json: Json) => put(json, ['trainings', '0', 'settings', 'steps'], { toLocaleString: 1 }),
      'settings.steps is',
    ],
    [
      'settings whose classes are none',
      (json: Json) => put(json, ['trainings', '0', 'settings', 'classNames'], [{}]),
      'settings.classNames is',
    ],
    [
      'settings without an end',
      (json: Json) =>
        put(json, ['trainings', '0', 'settings', 'deep'], JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`)),
      'levels at most',
    ],
    [
      'a class that is not there',
      (json: Json) => put(json, ['pictures', '0', 'objects', '0', 'classId'], 'toString'),
      'one of the classes',
    ],
    [
      'two objects of one id',
      (json: Json) => put(json, ['pictures', '0', 'objects', '1', 'id'], 'o1'),
      'of one object only',
    ],
    [
      'two pictures of one file',
      (json: Json) => json.pictures.push(json.pictures[0]!),
      'of one picture or model only',
    ],
    [
      'a box that is turned over',
      (json: Json) => put(json, ['pictures', '0', 'objects', '0', 'shape', 'box'], [9, 1, 3, 4]),
      'x1 < x2',
    ],
    [
      'a polygon of two vertices',
      (json: Json) =>
        put(
          json,
          ['pictures', '0', 'objects', '1', 'shape', 'points'],
          [
            [0, 0],
            [1, 1],
          ],
        ),
      '3 or more',
    ],
    [
      'a mask that is too large',
      (json: Json) => put(json, ['pictures', '0', 'objects', '3', 'shape', 'width'], 2 ** 24),
      'the runs add up to',
    ],
    [
      'runs that do not fit',
      (json: Json) => put(json, ['pictures', '0', 'objects', '3', 'shape', 'height'], 3),
      'the runs add up to',
    ],
    [
      'runs that are no runs',
      (json: Json) => put(json, ['pictures', '0', 'objects', '3', 'shape', 'counts'], '~~~'),
      'run lengths',
    ],
    [
      'a colour with more in it',
      (json: Json) => put(json, ['classes', '0', 'color'], '#ff0080;background:url(//x)'),
      '#rrggbb',
    ],
  ])('is refused for %s', async (_, change, message, kind = 'corrupt') => {
    const error = await refusal(await withJson((json) => void change(json)));
    expect([error.kind, error.message]).toEqual([kind, expect.stringContaining(message)]);
  });
});
