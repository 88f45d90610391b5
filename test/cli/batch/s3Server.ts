/**
 * An object store for tests, on the loopback interface: what S3 answers to PUT, GET, HEAD, DELETE and ListObjectsV2 (API reference of
 * Amazon S3, 2006-03-01) in path style, with signatures that are checked (Signature Version 4), conditions, pages, and failures on order.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  modified: Date;
}

/** A request that was answered, without its headers. */
export interface Asked {
  readonly method: string;
  /** The key; of lists the prefix. */
  readonly key: string;
  readonly status: number;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Options {
  readonly credentials: Credentials;
  readonly region: string;
  readonly buckets: readonly string[];
  /** The most keys of a page. */
  readonly page: number;
}

/** An answer that is an error. */
class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
/** Fifteen minutes: clocks may differ by as much. */
const SKEW = 15 * 60_000;

interface Request {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export class S3Server {
  readonly #server: http.Server;
  readonly #options: Options;
  readonly buckets: ReadonlyMap<string, Map<string, StoredObject>>;
  readonly asked: Asked[] = [];
  /** Whether what would change something is refused. */
  readOnly = false;
  /** Called before each answer; `503` lets the store be busy, `cut` breaks the connection off. */
  trouble: (request: { readonly method: string; readonly key: string }) => '503' | 'cut' | undefined = () =>
    undefined;

  private constructor(options: Options) {
    this.#options = options;
    this.buckets = new Map(options.buckets.map((name) => [name, new Map()]));
    this.#server = http.createServer((incoming, response) => void this.#serve(incoming, response));
  }

  static async open(options: Options): Promise<S3Server> {
    const server = new S3Server(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  put(bucket: string, key: string, bytes: Buffer): void {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.buckets.get(bucket)!.set(key, { bytes, etag, modified: new Date() });
  }

  /** The objects below a prefix with their bytes, by their names. */
  contents(bucket: string, prefix: string): Record<string, string> {
    const found = [...this.buckets.get(bucket)!].filter(([key]) => key.startsWith(`${prefix}/`));
    const named = found.map(
      ([key, { bytes }]) => [key.slice(prefix.length + 1), bytes.toString('base64')] as const,
    );
    return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const [path = '/', search = ''] = incoming.url!.split('?');
    const pairs =
      search === '' ? [] : search.split('&').map((pair) => pair.split('=').map(decodeURIComponent));
    const query = new Map(pairs.map(([name = '', value = '']) => [name, value]));
    const { method = 'GET', headers } = incoming;
    const request = { method, path, query, headers, body: Buffer.concat(chunks) };
    const [, bucket = '', ...parts] = path.split('/').map(decodeURIComponent);
    const key = query.has('list-type') ? query.get('prefix')! : parts.join('/');
    const trouble = this.trouble({ method, key });
    if (trouble === 'cut') {
      incoming.socket.destroy();
      return;
    }
    const end = (
      status: number,
      content: Buffer | string = '',
      more: http.OutgoingHttpHeaders = {},
    ): void => {
      this.asked.push({ method, key, status });
      const bytes = Buffer.from(content as Buffer);
      response.writeHead(status, { ...(status === 204 ? {} : { 'content-length': bytes.length }), ...more });
      response.end(method === 'HEAD' ? undefined : bytes);
    };
    try {
      if (trouble === '503') throw new Refused(503, 'SlowDown', 'Please reduce your request rate.');
      this.#expectSigned(request);
      const objects = this.buckets.get(bucket);
      if (!objects) throw new Refused(404, 'NoSuchBucket', 'The specified bucket does not exist');
      if (query.get('list-type') === '2') {
        end(200, this.#page(bucket, objects, query), { 'content-type': 'application/xml' });
        return;
      }
      this.#object(request, key, objects, end);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, code, message } = error;
      const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message><RequestId>1</RequestId></Error>`;
      end(status, xml, { 'content-type': 'application/xml' });
    }
  }

  /** Throws where the signature is not that of this request (AWS General Reference, "Create a signed AWS API request"). */
  #expectSigned({ method, path, query, headers, body }: Request): void {
    const { credentials, region } = this.#options;
    const found =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? '',
      );
    if (!found) throw new Refused(403, 'AccessDenied', 'Access Denied');
    const [, id, day, where, names, signature] = found as unknown as string[];
    if (id !== credentials.accessKeyId) {
      throw new Refused(
        403,
        'InvalidAccessKeyId',
        'The AWS Access Key Id you provided does not exist in our records.',
      );
    }
    if (where !== region) throw new Refused(400, 'AuthorizationHeaderMalformed', `expecting '${region}'`);
    const date = String(headers['x-amz-date']);
    const time = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (!(Math.abs(Date.now() - time) < SKEW))
      throw new Refused(403, 'RequestTimeTooSkewed', 'The difference is too large.');
    if (credentials.sessionToken !== headers['x-amz-security-token']) {
      throw new Refused(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
    }
    const signed = names!.split(';');
    const must = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
    if (!must.every((name) => signed.includes(name)))
      throw new Refused(403, 'AccessDenied', 'There were headers present which were not signed');
    const search = [...query].map(([name, value]) => [encode(name), encode(value)] as const);
    const canonical = [
      method,
      path
        .split('/')
        .map((part) => encode(decodeURIComponent(part)))
        .join('/'),
      search
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map((pair) => pair.join('='))
        .join('&'),
      ...signed.map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}`),
      '',
      names,
      headers['x-amz-content-sha256'],
    ].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const key = [day!, region, 's3', 'aws4_request'].reduce(
      hmac,
      Buffer.from(`AWS4${credentials.secretAccessKey}`),
    );
    const right = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n'));
    if (!timingSafeEqual(right, Buffer.from(signature!, 'hex'))) {
      throw new Refused(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
      );
    }
    const hash = headers['x-amz-content-sha256'];
    if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) {
      throw new Refused(
        400,
        'XAmzContentSHA256Mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    }
  }

  #page(
    bucket: string,
    objects: ReadonlyMap<string, StoredObject>,
    query: ReadonlyMap<string, string>,
  ): string {
    const prefix = query.get('prefix') ?? '';
    const token = query.get('continuation-token');
    const after =
      token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
    const order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(prefix) && order(key, after) > 0)
      .sort(order);
    const page = keys.slice(0, Math.min(this.#options.page, Number(query.get('max-keys') ?? 1000)));
    const isCut = page.length < keys.length;
    const isEncoded = query.get('encoding-type') === 'url';
    // As S3 does it: a slash stays, a blank becomes a plus.
    const shown = (key: string): string =>
      isEncoded ? encode(key).replaceAll('%2F', '/').replaceAll('%20', '+') : escapeXml(key);
    const rows = page.map((key) => {
      const { bytes, etag, modified } = objects.get(key)!;
      return `<Contents><Key>${shown(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    });
    const next = isCut
      ? `<NextContinuationToken>${Buffer.from(page.at(-1)!).toString('base64url')}</NextContinuationToken>`
      : '';
    return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${shown(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>1000</MaxKeys>${isEncoded ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${isCut}</IsTruncated>${next}${rows.join('')}</ListBucketResult>`;
  }

  #object(
    { method, headers, body }: Request,
    key: string,
    objects: Map<string, StoredObject>,
    end: (status: number, content?: Buffer | string, more?: http.OutgoingHttpHeaders) => void,
  ): void {
    const found = objects.get(key);
    if (method === 'GET' || method === 'HEAD') {
      if (!found) throw new Refused(404, 'NoSuchKey', 'The specified key does not exist.');
      end(200, found.bytes, { etag: found.etag, 'last-modified': found.modified.toUTCString() });
      return;
    }
    if (this.readOnly) throw new Refused(403, 'AccessDenied', 'Access Denied');
    if (method === 'DELETE') {
      objects.delete(key);
      end(204);
      return;
    }
    if (method !== 'PUT') throw new Refused(405, 'MethodNotAllowed', 'The specified method is not allowed.');
    const match = headers['if-match'];
    if (
      (headers['if-none-match'] === '*' && found) ||
      (found && match !== undefined && match !== found.etag)
    ) {
      throw new Refused(
        412,
        'PreconditionFailed',
        'At least one of the preconditions you specified did not hold.',
      );
    }
    if (match !== undefined && !found)
      throw new Refused(404, 'NoSuchKey', 'The specified key does not exist.');
    const [bucket] = [...this.buckets].find(([, one]) => one === objects)!;
    this.put(bucket, key, body);
    end(200, '', { etag: objects.get(key)!.etag });
  }
}
