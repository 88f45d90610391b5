import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { doing, StoreError } from './errors.ts';
import { MOST_BYTES, MOST_ENTRIES } from './zip.ts';

/** A date for all files, so that the same content gives the same bytes, in every time zone. */
const DATE = new Date(1980, 0, 1);
/** Bytes that are read at once. */
const SMALL = 2 ** 20;

export type Bytes = Uint8Array<ArrayBuffer>;
/** What a file of a zip is made of. */
export type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Writes a zip as it is taken, part by part: nothing of it is kept. */
export class ZipWriter {
  readonly #did: string;
  readonly #zip: Zip;
  #ready: Bytes[] = [];
  #files = 0;
  #bytes = 0;

  /** @param did What is being done, for errors. */
  constructor(did: string) {
    this.#did = did;
    this.#zip = new Zip((error, part) => {
      if (error) throw error;
      if (part.length > 0) this.#ready.push(part as Bytes);
    });
  }

  #taken(): Bytes[] {
    const parts = this.#ready;
    this.#ready = [];
    for (const { length } of parts) this.#bytes += length;
    if (this.#bytes <= MOST_BYTES && this.#files < MOST_ENTRIES) return parts;
    const why = `a zip has less than ${MOST_ENTRIES} files and 4 GB; choose fewer pictures`;
    throw new StoreError('other', this.#did, why);
  }

  /**
   * Writes a file. Files are not compressed unless `packed` is set: pictures are already, and weights do not compress.
   *
   * @throws StoreError ('other') where the zip becomes too large, and whatever `parts` throws.
   */
  async *file(path: string, parts: Parts, packed = false): AsyncGenerator<Bytes, void> {
    const entry = packed ? new ZipDeflate(path, { level: 6 }) : new ZipPassThrough(path);
    this.#files += 1;
    this.#zip.add(Object.assign(entry, { mtime: DATE }));
    for await (const part of parts) {
      entry.push(part);
      yield* this.#taken();
    }
    entry.push(new Uint8Array(), true);
    yield* this.#taken();
  }

  /** Writes the list of the files, which ends the zip. */
  *end(): Generator<Bytes, void> {
    this.#zip.end();
    yield* this.#taken();
  }
}

/** The bytes of a small file: to stream it would take longer than to read it. Larger ones stay where they are. */
export const loaded = async (file: Blob): Promise<Blob | Bytes> =>
  file.size <= SMALL ? new Uint8Array(await file.arrayBuffer()) : file;

/** A file, a part after the other. */
export async function* partsOf(file: Blob | Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (file instanceof Uint8Array) {
    yield file;
    return;
  }
  for (let at = 0; at < file.size; at += SMALL) {
    yield new Uint8Array(await file.slice(at, at + SMALL).arrayBuffer());
  }
}

/** A stream of parts, which are made as they are taken. It fails with a StoreError about `did`. */
export const streamOf = (parts: AsyncGenerator<Bytes, void>, did: string): ReadableStream<Bytes> =>
  new ReadableStream({
    async pull(controller) {
      const { done, value } = await doing(did, () => parts.next());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return();
    },
  });
