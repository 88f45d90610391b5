// npm run example:embed: bundles this folder and serves it on this machine only, at PORT (8081; 0 takes any free one).
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await build({
  entryPoints: [path.join(here, 'main.ts')],
  bundle: true,
  minify: true,
  format: 'esm',
  write: false,
  loader: { '.wgsl': 'text' },
});
/** @type {Record<string, [type: string, body: string | Uint8Array]>} */
const files = {
  '/': ['text/html; charset=utf-8', await readFile(path.join(here, 'index.html'))],
  '/main.js': ['text/javascript; charset=utf-8', outputFiles[0].contents],
};

const server = createServer((request, response) => {
  const [type, body] = files[(request.url ?? '/').split('?')[0]] ?? ['text/plain', 'not found\n'];
  response.writeHead(type === 'text/plain' ? 404 : 200, { 'content-type': type });
  response.end(body);
});
server.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`Embedding example: http://127.0.0.1:${port}/  (Ctrl+C ends it)`);
});
