import PQueue from 'p-queue';
import { sha256 } from '../sha256.ts';
import type { Downloaded } from './download.ts';
import { DownloadError } from './failure.ts';
import { type EncodeOptions, inspectImage } from './inspect.ts';
import { isSuccess, type Outcome, pathOf, type Success } from './records.ts';
import type { Store } from './store.ts';

/** What is the same for all rows whose images have the same bytes. */
type Shared = Pick<Success, 'width' | 'height' | 'original_width' | 'original_height' | 'phash' | 'file'>;

/** Decoders have threads of their own; more of them at a time take memory, and no less time. */
const DECODED = 2;

/** How images are judged and stored. */
export interface KeepOptions extends EncodeOptions {
  readonly maxPixels: number;
}

/** Stores images: those of the same bytes once, under the name of the row that came first. */
export class Keeper {
  readonly #store: Store;
  readonly #options: KeepOptions;
  readonly #known = new Map<string, Promise<Shared>>();
  readonly #decoding = new PQueue({ concurrency: DECODED });

  /** @param before What earlier runs have stored. */
  constructor(store: Store, options: KeepOptions, before: Iterable<Outcome>) {
    this.#store = store;
    this.#options = options;
    for (const outcome of before) {
      if (isSuccess(outcome)) this.#known.set(outcome.sha256, Promise.resolve(outcome));
    }
  }

  /**
   * Stores what was downloaded for a row.
   *
   * @throws DownloadError for what is no image that can be used; DataError where the disk refuses.
   */
  async keep(index: number, { bytes, contentType, url, bounded }: Downloaded): Promise<Outcome> {
    if (bytes.length === 0) throw new DownloadError('the body is empty', { retriable: true });
    const digest = sha256(bytes);
    const shared = await this.#sharedOf(index, bytes, digest).catch((error) => {
      // Perhaps it was cut off.
      if (error instanceof DownloadError && !bounded) {
        throw new DownloadError(error.message, { status: error.status, retriable: true, cause: error });
      }
      throw error;
    });
    const { width, height, original_width, original_height, phash, file } = shared;
    const size = { width, height, original_width, original_height };
    const download = {
      sha256: digest,
      phash,
      bytes: bytes.length,
      content_type: contentType,
      final_url: url.href,
    };
    return { status: 'success', error_message: null, ...size, ...download, file };
  }

  #sharedOf(index: number, bytes: Buffer, digest: string): Promise<Shared> {
    const known = this.#known.get(digest);
    if (known) return known;
    const shared = this.#storeNew(index, bytes);
    this.#known.set(digest, shared);
    // It is judged again when it comes again: memory is for what is stored.
    shared.catch(() => this.#known.delete(digest));
    return shared;
  }

  async #storeNew(index: number, bytes: Buffer): Promise<Shared> {
    const { maxPixels } = this.#options;
    const image = await this.#decoding.add(() => inspectImage(bytes, maxPixels, this.#options));
    const file = pathOf(index, image.extension);
    await this.#store.write(file, image.bytes);
    const { width, height, originalWidth, originalHeight, phash } = image;
    return { width, height, original_width: originalWidth, original_height: originalHeight, phash, file };
  }
}
