// npm run bench -- --page: serves what bench/run.mjs has put into dist/page, on this machine only, at PORT (8090; 0 takes any
// free one).
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { headers, portOf, refusal, refuse } from '../scripts/local.mjs';

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

/** onnxruntime-web compiles WebAssembly. */
const allowed = () => {
  const { 'content-security-policy': policy, ...others } = headers();
  return {
    ...others,
    'content-security-policy': policy.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"),
  };
};

/**
 * Serves files of the folder itself, by name, and no others. Returns the server.
 *
 * @param {string} folder
 */
export function serve(folder) {
  const port = portOf(8090);
  const server = createServer(async (request, response) => {
    const refused = refusal(request);
    if (refused) return refuse(response, refused);
    const [pathname] = (request.url ?? '/').split(/[?#]/, 1);
    const name = pathname === '/' ? 'page.html' : pathname.slice(1);
    const type = TYPES[path.extname(name)];
    const known = type && /^[\w.-]+$/.test(name);
    const body = known ? await readFile(path.join(folder, name)).catch(() => undefined) : undefined;
    if (!body) return refuse(response, { status: 404, text: 'not found' });
    const text = type.startsWith('text/') ? '; charset=utf-8' : '';
    response.writeHead(200, { ...allowed(), 'content-type': `${type}${text}` });
    response.end(request.method === 'HEAD' ? undefined : body);
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
  return server;
}
