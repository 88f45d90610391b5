/** A bucket of an object store: requests that are signed, and asked again where that may help. */
import { createReadStream } from 'node:fs';
import { AwsV4Signer } from 'aws4fetch';
import { Agent, request as send } from 'undici';
import { sha256 } from '../sha256.ts';
import { isFinal, type Refusal, refused, StoreError, unreachable } from './errors.ts';
import { type StoreSettings, storeSettings } from './settings.ts';
import { parseError, parsePage } from './xml.ts';

/** The first pause before a request is repeated, in milliseconds; each is twice the one before. */
const PAUSE = 200;
/** How often a request is made: 25 s of pauses. Of an endpoint that has never answered less is expected. */
const TRIES = 8;
const FIRST_TRIES = 3;
/** How long a connection may take, and how long nothing may arrive. */
const CONNECT_TIME = 10_000;
const SILENT_TIME = 60_000;

/** Errors that pass, of those that are not 5xx. */
const PASSING = ['RequestTimeout', 'SlowDown', 'OperationAborted', 'ConditionalRequestConflict'];

/** Bytes of this machine's memory or disk. */
export type Content =
  | Uint8Array
  | string
  | { readonly file: string; readonly size: number; readonly sha256: string };

interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Content;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Uint8Array;
}

const EMPTY = sha256('');

let agent: Agent | undefined;
const agentOf = (): Agent => {
  agent ??= new Agent({
    connect: { timeout: CONNECT_TIME },
    headersTimeout: SILENT_TIME,
    bodyTimeout: SILENT_TIME,
  });
  return agent;
};

/** Endpoints that have answered this process. */
const answered = new Set<string>();

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const pause = (tries: number): Promise<void> =>
  new Promise((resolve) => {
    // Not all workers at the same time.
    setTimeout(resolve, PAUSE * 2 ** (tries - 1) * (0.75 + Math.random() / 4));
  });

export const headerOf = ({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined =>
  [headers[name]].flat()[0];

export class Bucket {
  readonly name: string;
  readonly #settings: StoreSettings;
  readonly #signingKeys = new Map<string, ArrayBuffer>();

  /** Throws StoreError where the environment has no credentials. */
  constructor(name: string) {
    this.name = name;
    this.#settings = storeSettings(name);
  }

  #urlOf({ key = '', query = {} }: Request): string {
    const { endpoint, pathStyle } = this.#settings;
    const parts = [...(pathStyle ? [this.name] : []), ...(key === '' ? [] : key.split('/'))];
    const search = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
    return `${endpoint}/${parts.map(encode).join('/')}${search.length > 0 ? `?${search.join('&')}` : ''}`;
  }

  async #once(request: Request): Promise<Answer> {
    const { method, content } = request;
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#settings;
    const isFile = typeof content === 'object' && 'file' in content;
    const hash = content === undefined ? EMPTY : isFile ? content.sha256 : sha256(content);
    const signer = new AwsV4Signer({
      ...{ method, url: this.#urlOf(request), accessKeyId, secretAccessKey, region, service: 's3' },
      ...(sessionToken === undefined ? {} : { sessionToken }),
      headers: { ...request.headers, 'x-amz-content-sha256': hash },
      cache: this.#signingKeys,
    });
    const { headers, url } = await signer.sign();
    if (isFile) headers.set('content-length', String(content.size));
    const {
      statusCode,
      headers: told,
      body,
    } = await send(url, {
      method,
      headers: Object.fromEntries(headers),
      body:
        content === undefined
          ? null
          : isFile
            ? createReadStream(content.file)
            : Buffer.from(content as Uint8Array),
      dispatcher: agentOf(),
    });
    answered.add(this.#settings.endpoint);
    return { status: statusCode, headers: told, bytes: new Uint8Array(await body.arrayBuffer()) };
  }

  /** An answer that is a success, or one of the statuses that are expected. Throws what `refused` and `unreachable` say. */
  async ask(request: Request, expected: readonly number[] = []): Promise<Answer> {
    const { endpoint } = this.#settings;
    const { method, key = '' } = request;
    const asked = {
      method,
      url: `s3://${this.name}${key === '' ? '' : `/${key}`}`,
      bucket: this.name,
      endpoint,
    };
    for (let tries = 1; ; tries++) {
      const most = answered.has(endpoint) ? TRIES : FIRST_TRIES;
      let answer: Answer;
      try {
        answer = await this.#once(request);
      } catch (error) {
        if (isFinal(error) || tries >= most) throw unreachable(asked, error);
        await pause(tries);
        continue;
      }
      const { status } = answer;
      if ((status >= 200 && status < 300) || (expected.includes(status) && !this.#isOfBucket(answer)))
        return answer;
      const refusal = this.#refusalOf(answer);
      const passes =
        (status >= 500 && status !== 501 && status !== 507) ||
        status === 429 ||
        PASSING.includes(refusal.code);
      if (!passes || tries >= TRIES) throw refused(asked, refusal);
      await pause(tries);
    }
  }

  #refusalOf({ status, headers, bytes }: Answer): Refusal {
    const { code, message, region } = parseError(new TextDecoder().decode(bytes));
    return { status, code, message, region: headerOf({ headers }, 'x-amz-bucket-region') ?? region };
  }

  /** Whether an answer says that there is no such bucket, not that there is no such object. */
  #isOfBucket(answer: Answer): boolean {
    return answer.status === 404 && this.#refusalOf(answer).code === 'NoSuchBucket';
  }

  /** Undefined where there is none. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const { status, bytes } = await this.ask({ method: 'GET', key }, [404]);
    return status === 404 ? undefined : bytes;
  }

  async has(key: string): Promise<boolean> {
    const { status } = await this.ask({ method: 'HEAD', key }, [403, 404]);
    // An answer to HEAD does not say why: that to GET does.
    if (status === 403) return (await this.get(key)) !== undefined;
    return status !== 404;
  }

  async put(key: string, content: Content): Promise<void> {
    await this.ask({ method: 'PUT', key, content });
  }

  /** What is not there is no error. */
  async delete(key: string): Promise<void> {
    await this.ask({ method: 'DELETE', key }, [404]);
  }

  /** All keys that begin so, page by page, in the order of the store. */
  async *keys(prefix: string, after?: string): AsyncGenerator<string> {
    for (let token: string | undefined; ; ) {
      const query = {
        ...{ 'list-type': '2', 'encoding-type': 'url', prefix },
        ...(after === undefined ? {} : { 'start-after': after }),
        ...(token === undefined ? {} : { 'continuation-token': token }),
      };
      const { bytes } = await this.ask({ method: 'GET', query });
      const page = parsePage(new TextDecoder().decode(bytes));
      if (!page) {
        throw new StoreError(
          `s3://${this.name}: ${this.#settings.endpoint} gives no list of objects; check that it is an S3 endpoint (AWS_ENDPOINT_URL)`,
        );
      }
      yield* page.keys;
      if (page.next === undefined) return;
      token = page.next;
    }
  }
}
