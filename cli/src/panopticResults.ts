// COCO's panoptic format: a PNG of segment ids per image, and a JSON file with the segments.
import type { PanopticImage } from 'fovea';
import { encodePng } from './images.ts';
import type { ResultFolder } from './resultFolder.ts';

const FILE = 'panoptic.json';
/** Where panopticapi looks for the PNG files of `panoptic.json`. */
const FOLDER = 'panoptic';

/** One image as COCO lists it. */
interface CocoImage {
  readonly id: number;
  readonly file_name: string;
  readonly width: number;
  readonly height: number;
}

/** Ids as colours, [height * width * 3]: id = R + 256 G + 65536 B. */
export function idColors(ids: ArrayLike<number>): Uint8Array {
  const colors = new Uint8Array(ids.length * 3);
  for (let i = 0; i < ids.length; i++) {
    colors[3 * i] = ids[i]! & 255;
    colors[3 * i + 1] = (ids[i]! >> 8) & 255;
    colors[3 * i + 2] = (ids[i]! >> 16) & 255;
  }
  return colors;
}

/** Writes segments as panopticapi reads them: `panoptic.json`, and `panoptic/NAME.png` with the segment of each pixel. */
export class PanopticResults {
  readonly #folder: ResultFolder;
  readonly #classNames: readonly string[];
  readonly #stuff: readonly string[];
  readonly #images: CocoImage[] = [];

  /** @param classNames All classes, in the order of their labels. */
  constructor(folder: ResultFolder, classNames: readonly string[], stuff: readonly string[]) {
    this.#folder = folder;
    this.#classNames = classNames;
    this.#stuff = stuff;
  }

  async add(name: string, image: CocoImage, { ids, segments }: PanopticImage): Promise<void> {
    const { id, width, height } = image;
    await this.#folder.write(
      `${FOLDER}/${name}.png`,
      await encodePng({ width, height, data: idColors(ids) }),
    );
    const annotation = {
      image_id: id,
      file_name: `${name}.png`,
      segments_info: segments.map(({ id, label, area, box: [x1, y1, x2, y2], isthing, score }) => ({
        id,
        category_id: this.#classNames.indexOf(label) + 1,
        iscrowd: 0,
        bbox: [x1, y1, x2 - x1, y2 - y1],
        area,
        ...(isthing ? { score: Number(score.toFixed(6)) } : {}),
      })),
    };
    const before = this.#images.length === 0 ? '{"annotations": [\n' : ',\n';
    await this.#folder.append(FILE, before + JSON.stringify(annotation));
    this.#images.push(image);
  }

  /** Completes `panoptic.json`. */
  async finish(): Promise<void> {
    const categories = this.#classNames.map((name, i) => ({
      id: i + 1,
      name,
      isthing: this.#stuff.includes(name) ? 0 : 1,
    }));
    const before = this.#images.length === 0 ? '{"annotations": [' : '';
    await this.#folder.append(
      FILE,
      `${before}\n],\n"images": ${JSON.stringify(this.#images)},\n"categories": ${JSON.stringify(categories)}}\n`,
    );
  }
}
