/** Labelme: one JSON file beside each image. */
import { DataError } from '../../../errors.ts';
import type { MaskPatch } from '../../annotation.ts';
import { encodeIndexedPng } from '../../indexedPng.ts';
import type {
  AnnotatedImage,
  DataFiles,
  DataSink,
  DatasetFormat,
  DatasetWriter,
  ReadOptions,
} from '../format.ts';
import { WarningCounts } from '../format.ts';
import { topKeys } from '../json.ts';
import { imageExtension, Names } from '../names.ts';
import { baseName, folderOf, hasExtension, joinPath, resolveFrom, withoutExtension } from '../paths.ts';
import { embeddedImage, formatLabelme, parseLabelme, toAnnotation } from './labelme.ts';

async function annotationFiles(files: DataFiles, path: string): Promise<string[]> {
  if ((await files.kind(path)) === 'file') return [path];
  const entries = await files.list(path);
  return entries
    .filter(({ name, folder }) => !folder && hasExtension(name, '.json'))
    .map(({ name }) => joinPath(path, name));
}

/** Reads one Labelme file, and finds the image that it names or embeds. */
export async function readLabelmeFile(
  files: DataFiles,
  file: string,
  { imagesOptional = false }: Pick<ReadOptions, 'imagesOptional'> = {},
): Promise<AnnotatedImage> {
  const document = parseLabelme(await files.text(file), file);
  const annotation = await toAnnotation(document, file, { decodePng: files.decodePng });
  const named = resolveFrom(folderOf(file), annotation.imagePath ?? '');
  const found =
    imagesOptional || (annotation.imagePath !== undefined && (await files.kind(named)) === 'file');
  const image = found ? named : embeddedImage(document, file);
  if (image === undefined) {
    throw new DataError(
      `${file}: ${annotation.imagePath ? `imagePath is ${annotation.imagePath}, and there is no such file` : 'has no imagePath'}; put the image beside the annotation, or save it with imageData`,
    );
  }
  return { name: withoutExtension(baseName(file)), source: file, image, annotation };
}

export const labelme: DatasetFormat = {
  name: 'labelme',
  title: 'Labelme',

  async detect(files, path) {
    for (const file of await annotationFiles(files, path)) {
      const keys = await topKeys(files, file, ['shapes']);
      if (keys.includes('shapes')) return baseName(file);
    }
    return undefined;
  },

  async open(files, path, options) {
    const found = await annotationFiles(files, path);
    if (found.length === 0) {
      throw new DataError(
        `${path}: contains no Labelme file (*.json); label the images with Labelme, and save the files beside them`,
      );
    }
    return {
      format: 'labelme',
      path,
      splits: [],
      async *images() {
        for (const file of found) yield await readLabelmeFile(files, file, options);
      },
    };
  },

  create: (sink) => new LabelmeWriter(sink),
};

class LabelmeWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #names = new Names();

  constructor(sink: DataSink) {
    this.#sink = sink;
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    if (annotation.shapes.length === 0) {
      this.warnings.count('images without an object, which Labelme has no file for');
      return;
    }
    if (annotation.unlabelled) this.warnings.count('regions that nobody labelled, which became background');
    const name = this.#names.take(image.name);
    const imagePath = `${name}${imageExtension(image)}`;
    const encoded = new Map<MaskPatch, string>();
    for (const { mask } of annotation.shapes) {
      if (mask) encoded.set(mask, base64(await encodeIndexedPng(mask)));
    }
    await this.#sink.image(image, imagePath);
    const text = formatLabelme(annotation, {
      imagePath,
      version: '5.3.1',
      png: (mask) => encoded.get(mask),
    });
    await this.#sink.write(`${name}.json`, text);
  }

  async end(): Promise<void> {}
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
