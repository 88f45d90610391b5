import { baseName, folderOf, hasExtension, isImageFile, joinPath, withoutExtension } from '../paths.ts';
import type { Reading } from '../reading.ts';
import { distinctNames, noteShared } from '../repeated.ts';
import { xmlFolder } from '../voc/reader.ts';

/** Folders of masks and of images, the first that is there. labelme2voc has arrays in SegmentationClass/ and images in SegmentationClassPNG/. */
const MASK_FOLDERS = ['masks', 'mask', 'SegmentationClassPNG', 'SegmentationClass'];
/** The same, where images/ is beside them and they have no labels of YOLO or VOC: CamVid's and others'. */
const MASK_FOLDERS_BESIDE_IMAGES = ['labels', 'label', 'annotations', 'ground_truth', 'gt'];
const IMAGE_FOLDERS = ['images', 'image', 'JPEGImages', 'imgs'];
const OBJECT_FOLDERS = ['SegmentationObjectPNG', 'SegmentationObject'];
/** What programs append to the name of an image for that of its mask. */
const SUFFIXES = ['_mask', '_masks', '_label', '_seg', '_L', '_P'];
const SPLIT_NAMES = ['train', 'training', 'val', 'valid', 'validation', 'test', 'trainval'];

/** An image and its masks. */
export interface MaskPair {
  /** The name within the folders, without its extension. */
  readonly name: string;
  /** Undefined if there is none. */
  readonly image: string | undefined;
  /** Another image of that name, with another extension. */
  readonly other?: string;
  readonly mask: string;
  /** The numbers of objects. */
  readonly objects?: string;
}

/** Where the images and masks of a data set are. */
export interface Layout {
  readonly path: string;
  /** Why a folder looks like this format. */
  readonly sign: string;
  /** Whether the masks are PNG files. */
  readonly isPng: boolean;
  /** The folder of the images. */
  readonly images: string;
  readonly pairs: readonly MaskPair[];
  /** The names in each part. */
  readonly splits: ReadonlyMap<string, ReadonlySet<string>>;
}

async function firstFolder(reading: Reading, path: string, names: readonly string[]) {
  for (const name of names) {
    const folder = joinPath(path, name);
    if ((await reading.files.kind(folder)) === 'folder') return folder;
  }
  return undefined;
}

/** The files in a folder that are wanted, by their paths within it without extensions: several may differ in that alone. */
async function filesIn(
  reading: Reading,
  folder: string,
  isWanted: (file: string) => boolean,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for await (const file of reading.walk(folder)) {
    if (!isWanted(file)) continue;
    // macOS writes letters with accents as two characters.
    const stem = withoutExtension(file.slice(folder.length + 1)).normalize('NFC');
    const same = found.get(stem);
    if (same) same.push(file);
    else found.set(stem, [file]);
  }
  return found;
}

const isPng = (file: string): boolean => hasExtension(file, '.png');
/** Labels of YOLO, VOC or Labelme; lists of classes may be beside masks. */
const isLabel = (file: string): boolean =>
  ['.txt', '.xml', '.json'].some((extension) => hasExtension(file, extension)) &&
  !/^(?:classes|codes|class_names|label_names|labelmap)\.txt$/.test(baseName(file));

/** Finds the images and masks of a folder; undefined if it has no masks. */
export async function layoutOf(reading: Reading, path: string): Promise<Layout | undefined> {
  // With XML files it is Pascal VOC, which has boxes too.
  if (await xmlFolder(reading.files, path)) return undefined;
  const labelPng = await labelFolders(reading, path);
  if (labelPng) return labelPng;
  for (const name of MASK_FOLDERS) {
    const folder = await firstFolder(reading, path, [name]);
    const masks = folder && (await filesIn(reading, folder, isPng));
    if (masks && masks.size > 0) return pairUp(reading, path, folder, masks);
  }
  // Masks in files of other kinds: reading them says what is wrong.
  for (const name of ['masks', 'mask']) {
    const folder = await firstFolder(reading, path, [name]);
    const masks = folder && (await filesIn(reading, folder, isImageFile));
    if (masks && masks.size > 0) return pairUp(reading, path, folder, masks);
  }
  if (!(await firstFolder(reading, path, IMAGE_FOLDERS))) return undefined;
  for (const name of MASK_FOLDERS_BESIDE_IMAGES) {
    const folder = await firstFolder(reading, path, [name]);
    const files = folder && (await filesIn(reading, folder, (file) => isPng(file) || isLabel(file)));
    const all = files ? [...files.values()].flat() : [];
    if (files && all.length > 0 && all.every(isPng)) return pairUp(reading, path, folder!, files);
  }
  return undefined;
}

async function pairUp(
  reading: Reading,
  path: string,
  folder: string,
  masks: ReadonlyMap<string, readonly string[]>,
): Promise<Layout> {
  const { imageFolder } = reading.options;
  const images = imageFolder ?? (await firstFolder(reading, path, IMAGE_FOLDERS)) ?? path;
  const isImage = (file: string) => isImageFile(file) && !file.startsWith(`${folder}/`);
  const byName = await filesIn(reading, images, isImage);
  const objectFolder = await firstFolder(reading, path, OBJECT_FOLDERS);
  const objects = objectFolder ? await filesIn(reading, objectFolder, isPng) : new Map<string, string[]>();
  const used = new Set<string>();
  const pairs = [...masks].flatMap(([stem, same]): MaskPair[] => {
    const suffix = byName.has(stem) ? undefined : SUFFIXES.find((end) => stem.endsWith(end));
    const name = suffix === undefined ? stem : stem.slice(0, -suffix.length);
    used.add(name);
    const [image, other] = byName.get(name) ?? [];
    const [numbered] = objects.get(stem) ?? [];
    return same.map((mask) => ({
      name,
      image,
      mask,
      ...(other === undefined ? {} : { other }),
      ...(numbered === undefined ? {} : { objects: numbered }),
    }));
  });
  const splits = (await listedParts(reading, path)) ?? partsByFolder(pairs);
  const { split } = reading.options;
  const wanted = split === undefined ? undefined : splits.get(split);
  for (const [name, [image]] of byName) {
    if (used.has(name) || (wanted && !wanted.has(name))) continue;
    reading.note('missing annotation', `${image}: has no mask in ${folder}, and was passed over`);
  }
  return {
    path,
    sign: `${baseName(folder)}/`,
    isPng: pairs.every(({ mask }) => isPng(mask)),
    images,
    pairs,
    splits,
  };
}

/** The parts that ImageSets/Segmentation/ lists, as VOC has them. */
async function listedParts(reading: Reading, path: string): Promise<Map<string, Set<string>> | undefined> {
  const folder = joinPath(path, 'ImageSets', 'Segmentation');
  const { split } = reading.options;
  if ((await reading.files.kind(folder)) !== 'folder') return undefined;
  const parts = new Map<string, Set<string>>();
  for (const { name, folder: isFolder } of await reading.list(folder)) {
    if (isFolder || !hasExtension(name, '.txt')) continue;
    const list = joinPath(folder, name);
    const lines = (await reading.text(list)).split(/\r?\n/).map((line) => line.trim());
    const part = withoutExtension(name);
    const filled = lines.filter((line) => line !== '');
    parts.set(part, new Set(part === (split ?? part) ? distinctNames(reading, list, filled) : filled));
  }
  noteShared(reading, folder, parts, split);
  return parts.size > 0 ? parts : undefined;
}

/** The parts by the first folders of names, where all are names of parts: `train/a`, `val/b`. */
function partsByFolder(pairs: readonly MaskPair[]): Map<string, Set<string>> {
  const parts = new Map<string, Set<string>>();
  for (const { name } of pairs) {
    const part = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
    if (!SPLIT_NAMES.includes(part)) return new Map();
    const names = parts.get(part) ?? new Set();
    parts.set(part, names.add(name));
  }
  return parts;
}

/** The layout of labelme_json_to_dataset: folders with img.png and label.png each, or one of these. */
async function labelFolders(reading: Reading, path: string): Promise<Layout | undefined> {
  const pairs: MaskPair[] = [];
  const add = async (folder: string, name: string): Promise<void> => {
    const [image, mask] = [joinPath(folder, 'img.png'), joinPath(folder, 'label.png')];
    if ((await reading.files.kind(mask)) !== 'file') return;
    const found = (await reading.files.kind(image)) === 'file';
    pairs.push({ name, image: found ? image : undefined, mask });
  };
  await add(path, baseName(path).replace(/_json$/, '') || 'image');
  if (pairs.length === 0) {
    for (const { name, folder } of await reading.list(path)) {
      if (folder) await add(joinPath(path, name), name.replace(/_json$/, ''));
    }
  }
  if (pairs.length === 0) return undefined;
  const [{ mask }] = pairs as [MaskPair];
  const sign = mask.slice(path.length + 1);
  return { path, sign, isPng: true, images: folderOf(mask), pairs, splits: new Map() };
}
