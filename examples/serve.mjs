// node examples/serve.mjs embed | detect [WEIGHTS.safetensors] | recommend: bundles the page of that folder and serves it on this machine
// only, at PORT (8081; 0 takes any free one), with the images that the pages show and the weights that are given.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { headers, portOf, refusal, refuse } from '../scripts/local.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const [folder = 'embed', weights] = process.argv.slice(2);
const { outputFiles } = await build({
  entryPoints: [path.join(here, folder, 'main.ts')],
  bundle: true,
  minify: true,
  format: 'esm',
  write: false,
  loader: { '.wgsl': 'text' },
});
/** @type {Record<string, [type: string, body: string | Uint8Array]>} */
const files = {
  '/': ['text/html; charset=utf-8', await readFile(path.join(here, folder, 'index.html'))],
  '/main.js': ['text/javascript; charset=utf-8', outputFiles[0].contents],
  '/coins.png': ['image/png', await readFile(path.join(here, 'coins/coins.png'))],
  '/items.jpg': ['image/jpeg', await readFile(path.join(here, 'recommend/items.jpg'))],
};
if (weights) files['/model.safetensors'] = ['application/octet-stream', await readFile(weights)];

const server = createServer((request, response) => {
  const refused = refusal(request);
  if (refused) return refuse(response, refused);
  const found = files[(request.url ?? '/').split(/[?#]/)[0]];
  if (!found) return refuse(response, { status: 404, text: 'not found' });
  const [type, body] = found;
  response.writeHead(200, { ...headers({ inlineStyle: true }), 'content-type': type });
  response.end(request.method === 'HEAD' ? undefined : body);
});
server.listen(portOf(8081), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`examples/${folder}: http://127.0.0.1:${port}/  (Ctrl+C ends it)`);
});
