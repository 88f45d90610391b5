// A loopback server whose URLs do all that servers do to a downloader, and the list of them.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';

type Handler = (response: ServerResponse, request: IncomingMessage, hit: number) => void;

/** A URL of the list, and what has to come of it. */
export interface HostileUrl {
  readonly url: string;
  readonly status: 'success' | 'failed_to_download' | 'failed_to_resize';
  /** What the error says. */
  readonly error?: RegExp;
  /** For images, which ones have the same bytes. */
  readonly image?: number;
  /** For an image that was encoded again, the one that it was. */
  readonly again?: number;
}

export interface HostileServer {
  readonly urls: readonly HostileUrl[];
  readonly port: number;
  /** Requests so far, without those of robots.txt. */
  requests(): number;
  /** The most requests that were answered at a time. */
  mostAtATime(): number;
  /** How often a path was asked for. */
  hits(path: string): number;
  /** Called with every request. */
  onRequest: (count: number) => void;
  /** Forgets what has recovered. */
  reset(): void;
  close(): Promise<void>;
}

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;

/** A small image of coarse noise, another one for every seed. */
function imageOf(seed: number): ReturnType<typeof sharp> {
  const cells = 6;
  const data = new Uint8Array(cells * cells * 3);
  let state = (seed + 1) * 2654435761;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  const raw = { width: cells, height: cells, channels: 3 } as const;
  return sharp(data, { raw }).resize(64 + (seed % 5) * 16, 64, { fit: 'fill', kernel: 'cubic' });
}

const chunk = (type: string, data: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  // The header is read before any check of its sum.
  return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
};

/** A PNG of 60,000 x 60,000 pixels in a few kilobytes. */
async function bombPng(): Promise<Buffer> {
  const good = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  const bomb = Buffer.concat([
    good.subarray(0, 33),
    chunk('IDAT', deflateSync(Buffer.alloc(2 ** 20))),
    good.subarray(-12),
  ]);
  bomb.writeUInt32BE(60_000, 16);
  bomb.writeUInt32BE(60_000, 20);
  bomb.writeUInt32BE(crc(bomb.subarray(12, 29)), 29);
  return bomb;
}

function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

const LARGE = 100 * 2 ** 20;

/** Sends without end, or to a length, as fast as it is taken. */
function pour(response: ServerResponse, length: number): void {
  const part = Buffer.alloc(65_536, 0xff);
  let sent = 0;
  const more = (): void => {
    while (sent < length && !response.destroyed) {
      sent += part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** What the URLs of a kind do, and what has to come of them. */
interface Kind {
  readonly handler: Handler;
  readonly status: HostileUrl['status'];
  readonly error?: RegExp;
}

/**
 * Starts the server.
 *
 * @param count URLs in its list: 30 % have the bytes of others, 10 % are others encoded again, 20 % (and one of each kind at least) are hostile.
 */
export async function startHostileServer(count: number): Promise<HostileServer> {
  const good = await imageOf(0).jpeg().toBuffer();
  const bomb = await bombPng();
  const gzipBomb = gzipSync(Buffer.alloc(2 ** 26));
  const jpeg = { 'content-type': 'image/jpeg' };
  const send = (
    response: ServerResponse,
    bytes: Uint8Array,
    headers: Record<string, string> = jpeg,
  ): void => {
    response.writeHead(200, { ...headers, 'content-length': String(bytes.length) }).end(bytes);
  };
  const status =
    (code: number, headers: Record<string, string> = {}): Handler =>
    (response) => {
      response.writeHead(code, headers).end('<html>no image</html>');
    };
  const recovers =
    (times: number, bad: Handler): Handler =>
    (response, request, hit) => {
      if (hit <= times) bad(response, request, hit);
      else send(response, good);
    };
  const redirect =
    (to: string): Kind['handler'] =>
    (response) => {
      response.writeHead(302, { location: to }).end();
    };
  const cut: Handler = (response) => {
    response.writeHead(200, { ...jpeg, 'content-length': String(good.length) });
    response.write(good.subarray(0, good.length >> 1), () => response.destroy());
  };
  const failing = (error: RegExp, handler: Handler): Kind => ({
    handler,
    error,
    status: 'failed_to_download',
  });
  const unusable = (error: RegExp, handler: Handler): Kind => ({
    handler,
    error,
    status: 'failed_to_resize',
  });
  const works = (handler: Handler): Kind => ({ handler, status: 'success' });
  const soon = (): string => new Date(Date.now() + 1000).toUTCString();
  const KINDS: Readonly<Record<string, Kind>> = {
    gone: failing(/^HTTP Error 410: Gone$/, status(410)),
    missing: failing(/^HTTP Error 404: Not Found$/, status(404)),
    forbidden: failing(/^HTTP Error 403: Forbidden$/, status(403)),
    busy: works(recovers(1, status(429, { 'retry-after': '0.2' }))),
    busyUntil: works(
      recovers(1, (response, ...rest) => status(429, { 'retry-after': soon() })(response, ...rest)),
    ),
    busyForLong: failing(/^HTTP Error 429.*asks to wait 86400 s/, status(429, { 'retry-after': '86400' })),
    unavailable: works(recovers(1, status(503, { 'retry-after': '0' }))),
    recovering: works(recovers(1, status(500))),
    broken: failing(/^HTTP Error 500/, status(500)),
    silent: failing(/^nothing came for/, () => undefined),
    stalls: failing(/^nothing came for/, (response) => {
      response.writeHead(200, { ...jpeg, 'content-length': String(good.length) });
      response.write(good.subarray(0, 100));
    }),
    drips: failing(/^took longer than/, (response) => {
      response.writeHead(200, { ...jpeg, 'content-length': '1000000' });
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    }),
    cut: failing(/^the body was cut off$/, cut),
    cutOnce: works(recovers(1, cut)),
    cutChunks: failing(/^the body was cut off$/, (response) => {
      response.writeHead(200, jpeg);
      response.write(good.subarray(0, 200), () => response.destroy());
    }),
    cutUnbounded: unusable(/^truncated or damaged JPEG/, (response) => {
      response.socket!.end(
        Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), good.subarray(0, good.length >> 1)]),
      );
    }),
    longer: unusable(/^truncated or damaged JPEG/, (response) => {
      const head = `HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: ${good.length - 300}\r\n\r\n`;
      response.socket!.end(Buffer.concat([Buffer.from(head), good]));
    }),
    html: unusable(/^not an image: HTML$/, (response) =>
      send(response, Buffer.from('<!DOCTYPE html><html>no</html>')),
    ),
    svg: unusable(/^not an image: an SVG/, (response) =>
      send(response, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
    ),
    svgInDisguise: unusable(/^truncated or damaged AVIF or HEIC/, (response) =>
      send(
        response,
        Buffer.from('<!--ftyp--><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      ),
    ),
    empty: failing(/^the body is empty$/, (response) => send(response, Buffer.alloc(0))),
    noContent: failing(/^HTTP Error 204/, status(204)),
    circle: failing(/^redirects lead in a circle$/, redirect('?')),
    further: failing(/^more than 5 redirects/, (response, request) => {
      const url = new URL(request.url!, 'http://localhost');
      response
        .writeHead(301, { location: `${url.pathname}?n=${Number(url.searchParams.get('n')) + 1}` })
        .end();
    }),
    moved: works((response, request) => {
      if (request.url!.endsWith('?here')) send(response, good);
      else response.writeHead(308, { location: '?here' }).end();
    }),
    toPrivate: failing(/^refused: 10\.0\.0\.1 is a private address/, redirect('http://10.0.0.1/x.jpg')),
    toLoopback: failing(/^refused: ::1 is a loopback address/, redirect('http://[::1]/x.jpg')),
    toMetadata: failing(
      /^refused: 169\.254\.169\.254 is a link-local address/,
      redirect('http://2852039166/'),
    ),
    toFile: failing(/^refused: only http and https, not file/, redirect('file:///etc/passwd')),
    huge: failing(/^more than 2000000 bytes/, (response) => {
      response.writeHead(200, { ...jpeg, 'content-length': String(LARGE) });
      pour(response, LARGE);
    }),
    hugeChunks: failing(/^more than 2000000 bytes/, (response) => {
      response.writeHead(200, jpeg);
      pour(response, LARGE);
    }),
    gzipBomb: failing(/^more than 2000000 bytes/, (response) =>
      send(response, gzipBomb, { 'content-encoding': 'gzip' }),
    ),
    gzip: works((response) => send(response, gzipSync(good), { 'content-encoding': 'gzip' })),
    badGzip: failing(/^the compressed body is damaged$/, (response) =>
      send(response, good, { 'content-encoding': 'gzip' }),
    ),
    bomb: unusable(/^more than \d+ pixels/, (response) =>
      send(response, bomb, { 'content-type': 'image/png' }),
    ),
    notHttp: failing(
      /^the answer is not HTTP$/,
      (response) => void response.socket!.end('I am no web server\r\n\r\n'),
    ),
    hangsUp: failing(/^the connection broke off$/, (response) => void response.socket!.destroy()),
    noai: failing(/^X-Robots-Tag: noai$/, (response) => send(response, good, { 'x-robots-tag': 'noai' })),
    secret: failing(/^robots\.txt disallows it$/, (response) => send(response, good)),
    cookie: works((response, request, hit) => {
      if (request.headers.cookie !== undefined) return status(400)(response, request, hit);
      send(response, good, { 'set-cookie': 'a=b' });
    }),
  };

  const names = Object.keys(KINDS);
  const hostile = Math.max(Math.round(count * 0.2), names.length);
  const duplicates = Math.round(count * 0.3);
  const encodedAgain = Math.round(count * 0.1);
  const originals = count - hostile - duplicates - encodedAgain;
  const images: Buffer[] = [];
  for (let i = 0; i < originals; i++) {
    images.push(
      await imageOf(i)
        .toFormat(FORMATS[i % FORMATS.length]!)
        .toBuffer(),
    );
  }
  const again: Buffer[] = [];
  for (let i = 0; i < encodedAgain; i++) {
    again.push(
      await sharp(await imageOf(i).png().toBuffer())
        .resize(32, 32, { fit: 'fill' })
        .jpeg({ quality: 60 })
        .toBuffer(),
    );
  }

  let [requests, now, most] = [0, 0, 0];
  const hits = new Map<string, number>();
  const server = createServer((request, response) => {
    if (request.url === '/robots.txt') {
      response.end('User-agent: *\nDisallow: /secret/\n');
      return;
    }
    const { pathname } = new URL(request.url!, 'http://localhost');
    const hit = (hits.get(request.url!) ?? 0) + 1;
    hits.set(request.url!, hit);
    most = Math.max(most, ++now);
    response.on('close', () => now--);
    result.onRequest(++requests);
    const [, kind, number] = pathname.split('/');
    if (kind === 'image')
      send(response, images[Number(number)]!, { 'content-type': 'application/octet-stream' });
    else if (kind === 'again') send(response, again[Number(number)]!);
    else KINDS[kind!]!.handler(response, request, hit);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const at = (path: string): string => `http://127.0.0.1:${port}/${path}`;
  const urls: HostileUrl[] = [
    ...images.map((_, i) => ({ url: at(`image/${i}/a.jpg`), status: 'success' as const, image: i })),
    ...Array.from({ length: duplicates }, (_, i) => {
      const image = (i * 7) % originals;
      return { url: at(`image/${image}/copy${i}.png`), status: 'success' as const, image };
    }),
    ...again.map((_, i) => ({
      url: at(`again/${i}/b.jpg`),
      status: 'success' as const,
      image: originals + i,
      again: i,
    })),
    ...Array.from({ length: hostile }, (_, i) => {
      const kind = names[i % names.length]!;
      const { status: comes, error } = KINDS[kind]!;
      const url = at(`${kind}/${i}`);
      return { url, status: comes, ...(error ? { error } : { image: 0 }) };
    }),
  ];
  // In an order in which all kinds are everywhere, the same every time.
  urls.forEach((_, i) => {
    const other = (i * 7919 + 13) % urls.length;
    [urls[i], urls[other]] = [urls[other]!, urls[i]!];
  });
  const result: HostileServer = {
    urls,
    port,
    requests: () => requests,
    mostAtATime: () => most,
    hits: (path) => hits.get(path) ?? 0,
    onRequest: () => undefined,
    reset: () => hits.clear(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return result;
}
