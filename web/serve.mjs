// npm run web [-- WEIGHTS.safetensors]: serves the studio on this machine only, at PORT (8080; 0 takes any free one); its room Try offers
// the weights.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { headers, refusal, refuse } from '../scripts/local.mjs';
import { POLICY } from './policy.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
const given = process.argv[2];
const weights = given ? path.resolve(given) : path.join(here, '..', 'out', 'detector.safetensors');

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.safetensors': 'application/octet-stream',
};

/** @param {string} message */
const fail = (message) => {
  console.error(`web: ${message}`);
  process.exit(1);
};
/** @param {string} file */
const isFile = async (file) => (await stat(file).catch(() => undefined))?.isFile() ?? false;

/**
 * The file behind a URL's path: one of dist/, by exact name within it, or the weights.
 *
 * @param {string} pathname
 */
function fileOf(pathname) {
  if (pathname === '/model.safetensors') return weights;
  const file = path.join(dist, path.normalize(pathname === '/' ? '/index.html' : pathname));
  return file.startsWith(dist + path.sep) && path.extname(file) in TYPES ? file : undefined;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function answer(request, response) {
  const refused = refusal(request);
  if (refused) return refuse(response, refused);
  let pathname;
  try {
    pathname = decodeURIComponent((request.url ?? '/').split(/[?#]/, 1)[0]);
  } catch {
    return refuse(response, { status: 400, text: 'not a valid URL' });
  }
  // Where the studio was before, and the page that detects. The browser keeps what is behind the #.
  if (['studio.html', 'detect.html'].includes(path.basename(pathname))) {
    response.writeHead(301, { ...headers(), location: '/' });
    return response.end();
  }
  const file = pathname.includes('\0') ? undefined : fileOf(pathname);
  if (!file || !(await isFile(file))) {
    const text = file === weights ? `no weights at ${weights}` : 'not found';
    return refuse(response, { status: 404, text });
  }
  response.writeHead(200, {
    ...headers({ policy: POLICY, isolated: true }),
    'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
    'content-length': (await stat(file)).size,
  });
  if (request.method === 'HEAD') return response.end();
  // A browser that goes away in the middle is no fault of ours.
  await pipeline(createReadStream(file), response).catch(() => response.destroy());
}

const port = Number(process.env.PORT ?? 8080);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  fail(`PORT is "${process.env.PORT}"; use a whole number from 0 to 65535`);
}
if (!(await isFile(path.join(dist, 'index.html')))) fail(`no page in ${dist}; run "npm run build" first`);
if (given && !(await isFile(weights))) fail(`no file ${weights}`);

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`web: ${request.url}: ${error.message}`);
    response.destroy();
  });
});
server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  fail(error.code === 'EADDRINUSE' ? `port ${port} is taken; set another, as in PORT=0` : error.message);
});
server.listen(port, '127.0.0.1', async () => {
  const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`Fovea: http://127.0.0.1:${taken}/  (Ctrl-C stops it)`);
  if (await isFile(weights)) console.log(`weights: ${weights}`);
  else console.log(`no weights at ${weights}; choose a file in the room Try`);
});
