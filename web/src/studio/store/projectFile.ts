import {
  type LabelObject,
  type Picture,
  type PictureLabels,
  PROJECT_VERSION,
  type Project,
} from '../project/model.ts';
import { Check } from './check.ts';
import { digestOf } from './digest.ts';
import { doing, StoreError } from './errors.ts';
import { pathsInZip } from './fileNames.ts';
import { labelsFromJson, labelToJson, readClasses } from './labelCheck.ts';
import { migrateFile } from './migrations.ts';
import { type FileModel, type FileTraining, type ModelSource, modelsJson, readModels } from './modelsFile.ts';
import { ahead } from './parallel.ts';
import { MOST_BYTES, MOST_ENTRIES, type ZipEntry, ZipFile } from './zip.ts';
import { loaded, partsOf, streamOf, ZipWriter } from './zipWriter.ts';

/**
 * A project as one zip: `project.json`, the files of its pictures in `files/`, and those of its models in `models/`. Ids of the
 * project and what it has are not in it, as they are made anew where it is opened; the same project gives the same bytes.
 */
export const PROJECT_JSON = 'project.json';
/** How `project.json` says what it is. */
const FORMAT = 'fovea-studio';
/** Bytes of `project.json`; it becomes one text. */
const JSON_BYTES = 2 ** 28;
/** The largest time of a Date, in milliseconds. */
const LATEST = 8.64e15;
const SIDE = 2 ** 20;
/** How many files and labels are read before it is their turn. */
const AHEAD = 4;
const SAVING = 'saving the project as a file';
const READING = 'opening the project file';

export type ProjectFields = Omit<Project, 'id' | 'version'>;
export type PictureFields = Omit<Picture, 'id' | 'project' | 'objects' | 'classes'>;

/** What a project file is made of. */
export interface ProjectSource {
  readonly project: ProjectFields;
  readonly pictures: readonly Picture[];
  fileOf(picture: Picture): Promise<Blob>;
  labelsOf(picture: Picture): Promise<PictureLabels>;
  /** Default: there are none. */
  readonly models?: ModelSource;
}

const NO_MODELS: ModelSource = {
  models: [],
  trainings: [],
  fileOf: () => Promise.reject(new StoreError('missing', SAVING, 'there are no models')),
};

/**
 * Writes a project as a zip, one picture after the other as they are taken from the stream.
 *
 * @returns A stream; it fails with a StoreError: 'other' for more than 65,534 files or 4 GB, and whatever `source` throws.
 */
export function writeProjectFile(source: ProjectSource): ReadableStream<Uint8Array<ArrayBuffer>> {
  return streamOf(zipParts(source), SAVING);
}

async function* zipParts(source: ProjectSource): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { pictures, models = NO_MODELS } = source;
  const all = [...pictures, ...models.models];
  const bytes = all.reduce((sum, { size, name }) => sum + size + 1000 + 6 * name.length, JSON_BYTES);
  if (all.length + 1 >= MOST_ENTRIES || bytes > MOST_BYTES) {
    const what = `${pictures.length} pictures and ${models.models.length} models with ${bytes} bytes`;
    const why = `${what}; a zip has ${MOST_ENTRIES - 2} at most and less than 4 GB. Export it as a data set, or remove pictures or models`;
    throw new StoreError('other', SAVING, why);
  }
  const zip = new ZipWriter(SAVING);
  const paths = pathsInZip(pictures.map(({ name }) => name));
  const modelPaths = pathsInZip(
    models.models.map(({ file }) => file),
    'models',
  );
  yield* zip.file(PROJECT_JSON, encoded(jsonParts(source, paths, modelPaths)), true);
  const files = [...paths, ...modelPaths].values();
  const stored = ahead(
    [
      ...pictures.map((picture) => () => source.fileOf(picture)),
      ...models.models.map((model) => () => models.fileOf(model)),
    ],
    AHEAD,
    async (read) => loaded(await read()),
  );
  for await (const file of stored) yield* zip.file(files.next().value!, partsOf(file));
  yield* zip.end();
}

/** Texts as bytes. Throws a StoreError where they are too long to be read again. */
async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void> {
  let count = 0;
  for await (const text of texts) {
    const part = new TextEncoder().encode(text);
    count += part.length;
    if (count > JSON_BYTES) {
      const why = `its labels have more than ${JSON_BYTES} bytes; export it as a data set`;
      throw new StoreError('other', SAVING, why);
    }
    yield part;
  }
}

/** The text of project.json, a line for each picture. */
async function* jsonParts(
  source: ProjectSource,
  paths: readonly string[],
  modelPaths: readonly string[],
): AsyncGenerator<string, void> {
  const { name, created, task, classes } = source.project;
  const head = JSON.stringify({ format: FORMAT, version: PROJECT_VERSION, name, created, task, classes });
  yield `${head.slice(0, -1)},\n"pictures":[`;
  let i = 0;
  const labelled = ahead(source.pictures, AHEAD, async (picture) => ({
    ...{ picture, objects: (await source.labelsOf(picture)).objects },
  }));
  for await (const { picture, objects } of labelled) {
    const { width, height, size, digest, hash, added, split, done } = picture;
    const fields = {
      file: paths[i],
      name: picture.name,
      width,
      height,
      size,
      digest,
      hash,
      added,
      split,
      done,
    };
    yield `${i++ === 0 ? '' : ','}\n${JSON.stringify({ ...fields, objects: objects.map(labelToJson) })}`;
  }
  yield '\n]';
  yield* modelsJson(source.models ?? NO_MODELS, source.pictures, modelPaths);
  yield '}\n';
}

/** A picture in a project file. */
export interface FilePicture {
  readonly fields: PictureFields;
  /** Reads its file. Throws a StoreError ('corrupt') where it is not the file that was saved. */
  file(): Promise<Blob>;
  /** Makes its labels. Masks have their pixels from then on. */
  labels(): readonly LabelObject[];
}

export interface ProjectFile {
  readonly project: ProjectFields;
  readonly pictures: readonly FilePicture[];
  readonly models: readonly FileModel[];
  readonly trainings: readonly FileTraining[];
}

/**
 * Reads what a project file has. All of project.json is checked, and that each picture and model has its file; the files themselves
 * are read when they are asked for. Whoever made the file may mean harm: nothing of it is taken as it is.
 *
 * @throws StoreError 'corrupt' for what is no project file, or not as it must be; 'missing' for what has no file.
 */
export function readProjectFile(zip: Blob): Promise<ProjectFile> {
  return doing(READING, async () => {
    const file = await ZipFile.open(zip, READING);
    const entry = file.entries.get(PROJECT_JSON);
    if (!entry) {
      const why = `the zip has no ${PROJECT_JSON}; choose a project that the studio has exported, or add its pictures to a project`;
      throw new StoreError('missing', READING, why);
    }
    return readProject(file, parseJson(await file.text(entry, JSON_BYTES)));
  });
}

/** Whether a zip says that it is a project file, whatever else is in it. Throws StoreError ('corrupt') for a damaged zip. */
export async function isProjectZip(zip: ZipFile, did: string): Promise<boolean> {
  const entry = zip.entries.get(PROJECT_JSON);
  if (!entry) return false;
  const text = await doing(did, () => zip.text(entry, JSON_BYTES));
  try {
    const json = JSON.parse(text) as { readonly format?: unknown } | null;
    return json?.format === FORMAT;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = `${PROJECT_JSON} is no JSON (${(error as Error).message}); export the project again`;
    throw new StoreError('corrupt', READING, why, { cause: error });
  }
}

function readProject(file: ZipFile, json: unknown): ProjectFile {
  const check = new Check(READING);
  const raw = check.record(json, PROJECT_JSON);
  raw.oneOf('format', [FORMAT]);
  const fields = check.record(migrateFile(json, raw.get('version'), READING), PROJECT_JSON);
  const classes = readClasses(check, fields.get('classes'), fields.at('classes'));
  const project: ProjectFields = {
    name: fields.text('name', 1000),
    created: fields.integer('created', 0, LATEST),
    task: fields.oneOf('task', ['detect', 'segment', 'classify']),
    classes,
  };
  const ids = new Set(classes.map(({ id }) => id));
  const used = { entry: entriesOf(check, file), digests: new Set<string>() };
  const pictures = fields
    .list('pictures', MOST_ENTRIES)
    .map((value, i) => readPicture(check, file, value, `${fields.at('pictures')}[${i}]`, ids, used));
  const { models, trainings } = readModels(file, fields, pictures.length, used.entry);
  const bytes = [...pictures, ...models].reduce((sum, { fields: { size } }) => sum + size, 0);
  if (bytes > MOST_BYTES)
    check.refuse(`${PROJECT_JSON}: the size of all files`, bytes, `${MOST_BYTES} at most`);
  return { project, pictures, models, trainings };
}

/** Finds the file of a picture or model, which `where` names: each is of one only. */
function entriesOf(check: Check, zip: ZipFile): (name: string, where: string) => ZipEntry {
  const used = new Set<string>();
  return (name, where) => {
    const entry = zip.entries.get(name);
    if (!entry) {
      const why = `the zip has no file ${JSON.stringify(name.slice(0, 200))}, which ${where} names; export the project again`;
      throw new StoreError('missing', check.did, why);
    }
    if (used.has(name)) check.refuse(`${where}.file`, name, 'of one picture or model only');
    used.add(name);
    return entry;
  };
}

function readPicture(
  check: Check,
  zip: ZipFile,
  value: unknown,
  where: string,
  classes: ReadonlySet<string>,
  used: { readonly entry: (name: string, where: string) => ZipEntry; readonly digests: Set<string> },
): FilePicture {
  const of = check.record(value, where);
  const fields: PictureFields = {
    name: of.text('name', 1000, 1),
    width: of.integer('width', 1, SIDE),
    height: of.integer('height', 1, SIDE),
    size: of.integer('size', 0, MOST_BYTES),
    digest: of.matching('digest', /^[0-9a-f]{64}$/, 'SHA-256 as 64 digits of hex'),
    ...(of.has('hash') ? { hash: of.matching('hash', /^[0-9a-f]{1,256}$/, 'digits of hex') } : {}),
    added: of.integer('added', 0, LATEST),
    split: of.oneOf('split', ['train', 'valid', 'test']),
    done: of.flag('done'),
  };
  const name = of.text('file', 65_535, 1);
  const entry = used.entry(name, where);
  if (entry.size !== fields.size) check.refuse(of.at('size'), fields.size, `${entry.size}, as in the zip`);
  if (used.digests.has(fields.digest)) check.refuse(of.at('digest'), fields.digest, 'of one picture only');
  used.digests.add(fields.digest);
  const read = (pixels: 'checked' | 'decoded') =>
    labelsFromJson(check, of.get('objects'), of.at('objects'), classes, pixels);
  read('checked');
  return {
    fields,
    labels: () => read('decoded'),
    file: () =>
      doing(READING, async () => {
        const content = await zip.read(entry, fields.size);
        if ((await digestOf(content)) === fields.digest) return content;
        const why = `${JSON.stringify(name.slice(0, 200))} in the zip is not the file that was saved; copy or export the zip again`;
        throw new StoreError('corrupt', READING, why);
      }),
  };
}
