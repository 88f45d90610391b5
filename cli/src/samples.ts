import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Sample } from '../../src/data/dataset.ts';
import { embeddedImage, parseLabelme, toAnnotation } from '../../src/data/labelme.ts';
import { shrinkSample } from '../../src/data/resize.ts';
import { DataError } from '../../src/errors.ts';
import { fileProblem } from './files.ts';
import { decodeImage, decodePng, type LoadedImage, loadImage } from './images.ts';

/** A labelled picture on disk, with its pixels as bytes for drawing. */
export interface LabelledImage extends Sample {
  readonly picture: LoadedImage;
}

/** A mask of a shape, as bytes. */
const decodeMask = async (bytes: Uint8Array) => {
  const { width, height, rgb } = await decodePng(bytes, 'mask');
  return { width, height, data: rgb };
};

/** One Labelme file and the picture that it names or embeds. */
export async function loadLabelme(file: string): Promise<LabelledImage> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DataError(`${file}: ${fileProblem(error)}; check the path`);
  }
  const document = parseLabelme(text, file);
  const annotation = await toAnnotation(document, file, { decodePng: decodeMask });
  const named = path.resolve(path.dirname(file), (annotation.imagePath ?? '').replaceAll('\\', '/'));
  const bytes = embeddedImage(document, file);
  let picture: LoadedImage;
  if (annotation.imagePath && existsSync(named)) picture = await loadImage(named);
  else if (bytes) picture = await decodeImage(bytes, `${file}: imageData`);
  else {
    throw new DataError(
      `${file}: imagePath names ${annotation.imagePath || 'no picture'}, which is not there; put the picture beside the annotation, or save it with imageData`,
    );
  }
  if (picture.width !== annotation.width || picture.height !== annotation.height) {
    throw new DataError(
      `${file}: says ${annotation.width}x${annotation.height}, its picture is ${picture.width}x${picture.height}; use the picture that was labelled`,
    );
  }
  return { name: path.basename(file, '.json'), image: picture, picture, annotation };
}

/**
 * The samples of a folder: every Labelme file in it with its picture, by name; pictures without one are left out.
 * Each is shrunk to `maxSide` as soon as it is read, so that many large photographs fit into memory. Throws
 * DataError where there is none.
 */
export async function loadFolder(folder: string, maxSide = Infinity): Promise<Sample[]> {
  let names: string[];
  try {
    if (!(await stat(folder)).isDirectory())
      throw new DataError(
        `${folder}: is no folder; give the folder with the pictures and their Labelme files`,
      );
    names = await readdir(folder);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `${folder}: ${fileProblem(error)}; give the folder with the pictures and their Labelme files`,
    );
  }
  const files = names.filter((name) => name.toLowerCase().endsWith('.json')).sort();
  if (files.length === 0) {
    throw new DataError(
      `${folder}: holds no Labelme file (*.json); label pictures with Labelme and save beside them`,
    );
  }
  const samples: Sample[] = [];
  for (const file of files) {
    const { name, image, annotation } = await loadLabelme(path.join(folder, file));
    const { width, height, channels, data } = image;
    samples.push(shrinkSample({ name, image: { width, height, channels, data }, annotation }, maxSide));
  }
  return samples;
}
