// What the servers of this repository have in common: they serve one machine, and refuse everyone else.

/** @param {boolean} inlineStyle */
const policyOf = (inlineStyle) =>
  `default-src 'none'; script-src 'self'; style-src 'self'${inlineStyle ? " 'unsafe-inline'" : ''}; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'`;

/**
 * Headers of every answer. A page may load its own origin and nothing else; images are read as blobs.
 *
 * @param {{ inlineStyle?: boolean, policy?: string, isolated?: boolean }} [options] `policy`: a page's own, to which is added that it is
 *   in no frame. `isolated`: nothing of other origins, also no window, has to do with the page, so that its threads can share memory.
 * @returns {Record<string, string>}
 */
export const headers = ({ inlineStyle = false, policy = policyOf(inlineStyle), isolated = false } = {}) => ({
  'content-security-policy': `${policy}; frame-ancestors 'none'`,
  ...(isolated
    ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
    : {}),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
});

/**
 * Why a request is refused, before its path is looked at: another site's page that points its own name at 127.0.0.1 must not read
 * what is served, and nothing here is written to. Undefined where it is not.
 *
 * @param {import('node:http').IncomingMessage} request
 * @returns {{ status: number, text: string } | undefined}
 */
export function refusal({ headers: { host = '' }, method }) {
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) {
    return { status: 403, text: 'only for this machine' };
  }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'GET only' };
  return undefined;
}

/**
 * Answers with a text, and closes.
 *
 * @param {import('node:http').ServerResponse} response
 * @param {{ status: number, text: string }} answer
 */
export function refuse(response, { status, text }) {
  response.writeHead(status, {
    ...headers(),
    'content-type': 'text/plain; charset=utf-8',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(`${text}\n`);
}

/**
 * The port that `PORT` names, or `fallback`; 0 takes any free one. Ends the process where it is no port.
 *
 * @param {number} fallback
 */
export function portOf(fallback) {
  const port = Number(process.env.PORT ?? fallback);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  console.error(`PORT is "${process.env.PORT}"; use a whole number from 0 to 65535`);
  process.exit(2);
}
