// npm run bench -- --page: serves what bench/run.mjs has put into dist/page, on this machine only, at PORT (8090; 0 takes any
// free one).
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};

/**
 * Serves files of the folder itself, by name, and no others.
 *
 * @param {string} folder
 */
export function serve(folder) {
  const port = Number(process.env.PORT ?? 8090);
  const server = createServer(async (request, response) => {
    const [pathname] = (request.url ?? '/').split(/[?#]/, 1);
    const name = pathname === '/' ? 'page.html' : pathname.slice(1);
    const type = TYPES[path.extname(name)];
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const known = ['127.0.0.1', 'localhost'].includes(host) && type && /^[\w.]+$/.test(name);
    const body = known ? await readFile(path.join(folder, name)).catch(() => undefined) : undefined;
    response.writeHead(body ? 200 : 404, {
      ...HEADERS,
      'content-type': `${type ?? 'text/plain'}; charset=utf-8`,
    });
    response.end(body ?? 'not found\n');
  });
  server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    console.error(
      `bench: ${error.code === 'EADDRINUSE' ? `port ${port} is taken; set PORT=0` : error.message}`,
    );
    process.exit(2);
  });
  server.listen(port, '127.0.0.1', () => {
    const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address());
    console.log(`bench: http://127.0.0.1:${taken}/  (Ctrl+C ends it)`);
  });
}
