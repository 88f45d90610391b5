/** A lock in an object store: an object that is only written where there is none, and that its owner renews. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { UsageError } from 'fovea';
import { type Holder, isRunning, parseHolder, thisProcess } from '../lock.ts';
import { type Answer, type Bucket, headerOf } from '../s3/bucket.ts';

/** How often it is renewed, and when one that was not may be taken, in milliseconds. */
const RENEWED = 60_000;
const EXPIRED = 5 * 60_000;

/** The lock of somebody else. */
interface Other {
  readonly holder: Holder | undefined;
  readonly etag: string | undefined;
  /** Milliseconds since it was renewed, by the store's clock; undefined where the store does not say. */
  readonly age: number | undefined;
}

/** Statuses of stores that know no conditions: they are asked without. */
const UNKNOWN = [400, 501];

export class StoreLock {
  readonly #bucket: Bucket;
  readonly #key: string;
  readonly #what: string;
  readonly #content = JSON.stringify({ ...thisProcess(), id: randomUUID() });
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #etag: string | undefined;

  constructor(bucket: Bucket, key: string, what: string) {
    this.#bucket = bucket;
    this.#key = key;
    this.#what = what;
  }

  /** Throws UsageError where another process has it. */
  async acquire(): Promise<void> {
    for (let found = await this.#look(); found !== 'own'; found = await this.#look()) {
      if (found && !this.#isFree(found)) throw this.#taken(found);
      // Another process may be faster, or an answer be lost; a store may also know no conditions: it is looked at again.
      await this.#write(found ? { 'if-match': found.etag ?? '*' } : { 'if-none-match': '*' });
    }
    this.#timer = setInterval(() => {
      this.#renewing = this.#write(this.#etag === undefined ? {} : { 'if-match': this.#etag }).catch(
        () => undefined,
      );
    }, RENEWED);
    this.#timer.unref();
  }

  /** Removes it, unless another process has taken it. */
  async release(): Promise<void> {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#renewing;
    if ((await this.#look()) === 'own') await this.#bucket.delete(this.#key);
  }

  async #write(headers: Readonly<Record<string, string>>): Promise<void> {
    const put = (more: Readonly<Record<string, string>>, expected: readonly number[]): Promise<Answer> =>
      this.#bucket.ask({ method: 'PUT', key: this.#key, content: this.#content, headers: more }, expected);
    const answer = await put(headers, [404, 409, 412, ...UNKNOWN]);
    const written = UNKNOWN.includes(answer.status) ? await put({}, []) : answer;
    if (written.status < 300) this.#etag = headerOf(written, 'etag');
  }

  /** The lock that is there. */
  async #look(): Promise<Other | 'own' | undefined> {
    const answer = await this.#bucket.ask({ method: 'GET', key: this.#key }, [404]);
    const text = new TextDecoder().decode(answer.bytes);
    if (answer.status === 404) return undefined;
    if (text === this.#content) return 'own';
    const [now, written] = ['date', 'last-modified'].map((name) => Date.parse(headerOf(answer, name) ?? ''));
    const age = now! - written!;
    return {
      holder: parseHolder(text),
      etag: headerOf(answer, 'etag'),
      age: Number.isNaN(age) ? undefined : age,
    };
  }

  #isFree({ holder, age }: Other): boolean {
    if (age !== undefined && age > EXPIRED) return true;
    return holder?.host === hostname() && !isRunning(holder);
  }

  #taken({ holder }: Other): UsageError {
    const who = holder ? ` (process ${holder.pid} on ${holder.host})` : '';
    const url = `s3://${this.#bucket.name}/${this.#key}`;
    return new UsageError(
      `${url}: another ${this.#what} writes there${who}; wait for it, or choose another --out; the lock of a process that is gone is free after ${EXPIRED / 60_000} minutes`,
    );
  }
}
