/** A prefix of a bucket as the place of a batch or a sweep. An object is whole or not there: stores give nothing of one that is being sent. */
import { createHash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError } from 'fovea';
import PQueue from 'p-queue';
import type { StoreAddress } from '../address.ts';
import { fileProblem } from '../files.ts';
import { Bucket } from '../s3/bucket.ts';
import { StoreLock } from './s3Lock.ts';

/** Requests at a time, where there are many. */
const AT_ONCE = 16;

/** Runs something for each, several at a time; the first error ends it. */
async function forEach<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  try {
    await queue.addAll(items.map((item) => () => run(item)));
  } finally {
    queue.clear();
    await queue.onIdle();
  }
}

async function contentOf(file: string) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { file, size: (await stat(file)).size, sha256: hash.digest('hex') };
}

/** A `Place`; `openPlace`, which gives it as one, imports this file, and not the other way round. */
export class S3Place {
  readonly url: string;
  readonly isFolder = false;
  readonly #bucket: Bucket;
  readonly #prefix: string;

  /** Throws StoreError where the environment has no credentials. */
  constructor({ bucket, key, url }: StoreAddress) {
    this.url = url;
    this.#bucket = new Bucket(bucket);
    this.#prefix = key === '' ? '' : `${key}/`;
  }

  #key(name: string): string {
    return `${this.#prefix}${name}`;
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return this.#bucket.get(this.#key(name));
  }

  has(name: string): Promise<boolean> {
    return this.#bucket.has(this.#key(name));
  }

  write(name: string, content: Uint8Array | string): Promise<void> {
    return this.#bucket.put(this.#key(name), content);
  }

  async store(name: string, file: string): Promise<void> {
    await this.#bucket.put(this.#key(name), await contentOf(file));
  }

  async fetch(name: string, file: string): Promise<boolean> {
    const content = await this.read(name);
    if (content) await writeFile(file, content);
    return content !== undefined;
  }

  async list(folder: string, after?: string): Promise<string[]> {
    const prefix = folder === '' ? this.#prefix : this.#key(`${folder}/`);
    const names: string[] = [];
    for await (const key of this.#bucket.keys(
      prefix,
      after === undefined ? undefined : `${prefix}${after}`,
    )) {
      names.push(key.slice(prefix.length));
    }
    return names;
  }

  async remove(name: string): Promise<void> {
    const keys: string[] = [];
    const prefix = name === '' ? this.#prefix : this.#key(`${name}/`);
    for await (const key of this.#bucket.keys(prefix)) keys.push(key);
    // Of a batch that is work.json: as long as that is there, what is missing is computed again.
    const last = keys.sort().pop();
    await forEach(keys, (key) => this.#bucket.delete(key));
    if (last !== undefined) await this.#bucket.delete(last);
    if (name !== '') await this.#bucket.delete(this.#key(name));
  }

  async locked<T>(what: string, run: (release: () => Promise<void>) => Promise<T>): Promise<T> {
    const lock = new StoreLock(this.#bucket, this.#key(`${what}.lock`), what);
    await lock.acquire();
    const release = () => lock.release();
    try {
      return await run(release);
    } finally {
      // What went wrong before is what counts; a lock that stays is free after some minutes.
      await release().catch(() => undefined);
    }
  }

  async assemble<T>(run: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(path.join(tmpdir(), 'fovea-results-')).catch((error) => {
      throw new DataError(
        `${tmpdir()}: results cannot be put together there (${fileProblem(error)}); make room, or choose another folder with TMPDIR`,
        { cause: error },
      );
    });
    const atExit = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', atExit);
    try {
      const made = await run(folder);
      await this.#upload(folder);
      return made;
    } finally {
      process.off('exit', atExit);
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Writes all files below a folder. */
  async #upload(folder: string): Promise<void> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    await forEach(files, async (file) => {
      const name = path.relative(folder, file).split(path.sep).join('/');
      await this.#bucket.put(this.#key(name), await contentOf(file));
    });
  }
}
