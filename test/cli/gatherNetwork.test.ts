import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseNetworks } from '../../cli/src/gather/address.ts';
import { Downloader, type DownloadOptions } from '../../cli/src/gather/download.ts';

const OPTIONS: DownloadOptions = {
  concurrency: 8,
  perHost: 4,
  addresses: { all: false, networks: parseNetworks('127.0.0.0/8') },
  retries: 3,
  retryDelay: 1,
  maxWait: 60_000,
  timeout: 60_000,
  stallTimeout: 60_000,
  maxBytes: 1000,
  maxRedirects: 3,
  userAgent: 'fovea/1',
  ignoreRobots: false,
};

type Handler = (response: ServerResponse, request: IncomingMessage) => void;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server on a loopback address, with the paths that were asked for. */
async function serve(
  handler: Handler,
  host = '127.0.0.1',
  robots: Handler = (response) => response.writeHead(404).end(),
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === '/robots.txt') robots(response, request);
    else handler(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { asked, at: (path: string) => `http://${host}:${(server.address() as AddressInfo).port}${path}` };
}

function downloader(options: Partial<DownloadOptions> = {}, signal = new AbortController().signal) {
  const one = new Downloader({ ...OPTIONS, ...options }, signal);
  closing.push(() => one.close());
  return (url: string) => one.get(new URL(url), async ({ bytes, url: last }) => `${last.pathname} ${bytes}`);
}

const ok: Handler = (response, request) => response.end(`<${request.url}>`);

describe('Downloader', () => {
  it('follows redirects to other hosts, and asks each for its robots.txt', async () => {
    const other = await serve(ok, '127.0.0.2', (response) => response.end('User-agent: *\nDisallow: /no'));
    const one = await serve((response, { url }) =>
      response.writeHead(307, { location: other.at(url!) }).end(),
    );
    const get = downloader();
    expect(await get(one.at('/yes'))).toBe('/yes </yes>');
    await expect(get(one.at('/no'))).rejects.toThrow(/^robots\.txt disallows it$/);
    expect(one.asked).toEqual(['/robots.txt', '/yes', '/no']);
    expect(other.asked).toEqual(['/robots.txt', '/yes']);
    // Whose owner agrees.
    expect(await downloader({ ignoreRobots: true })(one.at('/no'))).toBe('/no </no>');
    expect(other.asked.at(-1)).toBe('/no');
  });

  it('does not ask a site whose robots.txt cannot be had', async () => {
    const site = await serve(ok, '127.0.0.1', (response) => response.writeHead(503).end());
    const get = downloader({ retries: 2 });
    await expect(Promise.all([get(site.at('/a')), get(site.at('/b'))])).rejects.toThrow(
      /^robots\.txt: HTTP Error 503: Service Unavailable$/,
    );
    expect(site.asked).toEqual(['/robots.txt', '/robots.txt', '/robots.txt']);
  });

  it('takes the first 500 KiB of a robots.txt, and one that is redirected too often as missing', async () => {
    const rules = `User-agent: *\nDisallow: /a\n${'#'.repeat(600 * 1024)}\nDisallow: /b\n`;
    const long = await serve(ok, '127.0.0.1', (response) => response.end(rules));
    const get = downloader();
    await expect(get(long.at('/a'))).rejects.toThrow(/^robots\.txt disallows it$/);
    expect(await get(long.at('/b'))).toBe('/b </b>');
    const circle = await serve(ok, '127.0.0.2', (response) =>
      response.writeHead(301, { location: '/robots.txt' }).end(),
    );
    expect(await get(circle.at('/b'))).toBe('/b </b>');
  });

  it('asks a host for a few things at a time, and all hosts for not many more', async () => {
    const now = { '127.0.0.1': 0, '127.0.0.2': 0 };
    const most = { '127.0.0.1': 0, '127.0.0.2': 0, both: 0 };
    const handler =
      (host: keyof typeof now): Handler =>
      (response) => {
        most[host] = Math.max(most[host], ++now[host]);
        most.both = Math.max(most.both, now['127.0.0.1'] + now['127.0.0.2']);
        // Others get the time to come, too.
        setTimeout(() => {
          now[host]--;
          response.end('x');
        }, 20);
      };
    const hosts = [
      await serve(handler('127.0.0.1'), '127.0.0.1'),
      await serve(handler('127.0.0.2'), '127.0.0.2'),
    ];
    const get = downloader({ perHost: 3, concurrency: 5 });
    await Promise.all(Array.from({ length: 40 }, (_, i) => get(hosts[i % 2]!.at(`/${i}`))));
    expect(most).toEqual({ '127.0.0.1': 3, '127.0.0.2': 3, both: 5 });
  });

  it('leaves the time of Crawl-delay between requests to a host', async () => {
    const times: number[] = [];
    const handler: Handler = (response) => {
      times.push(performance.now());
      response.end('x');
    };
    const site = await serve(handler, '127.0.0.1', (response) =>
      response.end('User-agent: *\nCrawl-delay: 0.2'),
    );
    const get = downloader();
    await Promise.all(['/a', '/b', '/c'].map((path) => get(site.at(path))));
    // Timers are exact to a millisecond; a request may take longer than the one before it, but no less than nothing.
    expect(times[2]! - times[0]!).toBeGreaterThan(200);
  });

  it('leaves a site alone that asks for more time between requests than it has', async () => {
    for (const delay of ['61', '1e999']) {
      const site = await serve(ok, '127.0.0.1', (response) =>
        response.end(`User-agent: *\nCrawl-delay: ${delay}`),
      );
      await expect(downloader()(site.at('/a'))).rejects.toThrow(
        /^robots\.txt asks for (61|Infinity) s between requests/,
      );
      expect(site.asked).toEqual(['/robots.txt']);
    }
  });

  it('waits as long as a server asks, with all requests to its host', async () => {
    let busy = true;
    const asked: [url: string, at: number][] = [];
    const site = await serve((response, { url }) => {
      asked.push([url!, performance.now()]);
      if (!busy) return void response.end('x');
      busy = false;
      response.writeHead(429, { 'retry-after': '0.3' }).end();
    });
    const get = downloader({ perHost: 1 });
    await Promise.all([get(site.at('/a')), get(site.at('/b'))]);
    expect(asked.map(([url]) => url).sort()).toEqual(['/a', '/a', '/b']);
    expect(asked[1]![1] - asked[0]![1]).toBeGreaterThan(250);
  });

  it('tries again what may pass, from the first URL, and no more often than it is told', async () => {
    const failing = { '/a': 2, '/b': 3, '/c': 1 } as Record<string, number>;
    const site = await serve((response, { url }) => {
      if (url === '/start') return void response.writeHead(302, { location: '/c' }).end();
      if (failing[url!]!-- > 0) response.writeHead(500).end();
      else response.end('x');
    });
    const get = downloader({ retries: 2 });
    expect(await get(site.at('/a'))).toBe('/a x');
    await expect(get(site.at('/b'))).rejects.toThrow(/^HTTP Error 500/);
    expect(await get(site.at('/start'))).toBe('/c x');
    expect(site.asked.slice(-4)).toEqual(['/start', '/c', '/start', '/c']);
  });

  it('ends with what stops it, also while it waits', async () => {
    const site = await serve((response) => response.writeHead(503, { 'retry-after': '50' }).end());
    const stop = new AbortController();
    const get = downloader({}, stop.signal);
    const waiting = get(site.at('/a'));
    while (site.asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow(/enough|aborted/);
    await expect(get(site.at('/b'))).rejects.toThrow(/enough|aborted/);
  });
});
