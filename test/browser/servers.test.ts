import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve as serveBench } from '../../bench/serve.mjs';
import { ensureBuilt } from '../../scripts/built.mjs';
import { type Served, serveScript } from './browser.ts';

interface Answer {
  readonly status: number;
  readonly policy: string;
  readonly body: string;
}

function ask(url: string, { method = 'GET', host = new URL(url).host } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: { host } }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode!,
          policy: String(answer.headers['content-security-policy']),
          body,
        }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Serves the bench's page, which is another text here. */
async function startBench(): Promise<Served> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fovea-servers-'));
  writeFileSync(path.join(folder, 'page.html'), '<!doctype html>bench');
  const before = process.env.PORT;
  process.env.PORT = '0';
  const server = serveBench(folder);
  if (before === undefined) delete process.env.PORT;
  else process.env.PORT = before;
  await new Promise((resolve) => server.once('listening', resolve));
  const stop = () => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, stop };
}

describe.each<[string, () => Promise<Served>]>([
  [
    'the page',
    async () => {
      await ensureBuilt(['web']);
      return serveScript('web/serve.mjs');
    },
  ],
  ['the examples', () => serveScript('examples/serve.mjs', 'embed')],
  ['the bench', startBench],
])('the server of %s', (_, start) => {
  let server: Served;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  it('answers its own page, with a content security policy', async () => {
    const { status, policy, body } = await ask(server.url);
    expect([status, body.slice(0, 15).toLowerCase()]).toEqual([200, '<!doctype html>']);
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'self'( 'wasm-unsafe-eval')?; .*frame-ancestors 'none'$/,
    );
    const local = `localhost:${new URL(server.url).port}`;
    expect((await ask(server.url, { host: local })).status).toBe(200);
    const head = await ask(server.url, { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
  });

  it('refuses other names, other methods and what is not there, with the policy too', async () => {
    for (const host of [
      'attacker.example',
      '127.0.0.1.attacker.example',
      'localhost.example:80',
      '[::1]',
      '[::1]:80',
    ]) {
      const { status, policy, body } = await ask(server.url, { host });
      expect([status, body], host).toEqual([403, 'only for this machine\n']);
      expect(policy).toContain("default-src 'none'");
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask(server.url, { method })).status, method).toBe(405);
    }
    for (const target of ['nothing', '__proto__', 'constructor', '..%2fpackage.json']) {
      const { status, policy } = await ask(`${server.url}${target}`);
      expect(status, target).toBe(404);
      expect(policy).toContain("default-src 'none'");
    }
  });

  it('is not to be had from other machines', async () => {
    const { port } = new URL(server.url);
    const outside = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outside) await expect(ask(`http://${address}:${port}/`)).rejects.toThrow();
  });
});
