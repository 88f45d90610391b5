import { STATUS_CODES } from 'node:http';
import { type Dispatcher, request as send } from 'undici';
import { type BodyLimit, readBody } from './body.ts';
import { DownloadError } from './failure.ts';
import { retryAfterSeconds } from './retryAfter.ts';

/** How long a request may take, in milliseconds, and how much it may bring. */
export interface RequestLimits extends BodyLimit {
  /** The whole of it. */
  readonly timeout: number;
  /** Any part of it in which nothing arrives: until the answer begins, and between two parts of the body. */
  readonly stallTimeout: number;
}

/** What a server answers. */
export type Answer =
  | { readonly kind: 'redirect'; readonly to: string }
  | {
      readonly kind: 'body';
      readonly bytes: Buffer;
      readonly contentType: string;
      /** The X-Robots-Tag headers. */
      readonly robotsTags: readonly string[];
      /** Whether the server said where the body ends. Where not, a body that was cut off looks like a whole one. */
      readonly bounded: boolean;
    };

/** Statuses that may pass. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];
const REDIRECTS = [301, 302, 303, 307, 308];
/** Successes without the content that was asked for. */
const WITHOUT_BODY = [204, 205, 206];

const CODES: Readonly<Record<string, readonly [message: string, retriable: boolean]>> = {
  EAI_AGAIN: ['the name server does not answer', true],
  ECONNREFUSED: ['connection refused', true],
  ECONNRESET: ['the connection broke off', true],
  EHOSTUNREACH: ['the host cannot be reached', true],
  ENETUNREACH: ['the network cannot be reached', true],
  ENOTFOUND: ['no such host', false],
  EPIPE: ['the connection broke off', true],
  ETIMEDOUT: ['the connection took too long', true],
  UND_ERR_CONNECT_TIMEOUT: ['the connection took too long', true],
  UND_ERR_HEADERS_OVERFLOW: ['the headers are too long', false],
  UND_ERR_SOCKET: ['the connection broke off', true],
};

/** What went wrong before an answer began. */
function connectionError(error: unknown): DownloadError {
  // Several addresses were tried: the errors of all.
  const one = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code = '', message = String(one) } = one as { code?: string; message?: string };
  const [words, retriable] = CODES[code] ?? [];
  if (words !== undefined) return new DownloadError(words, { retriable: retriable!, cause: error });
  if (code.startsWith('HPE_')) {
    return new DownloadError('the answer is not HTTP', { retriable: false, cause: error });
  }
  if (/CERT|SSL|TLS|SIGNATURE/.test(code)) {
    return new DownloadError(`no secure connection (${code})`, { retriable: false, cause: error });
  }
  return new DownloadError(message, { retriable: true, cause: error });
}

const headersOf = (response: Dispatcher.ResponseData, name: string): string[] =>
  [response.headers[name] ?? []].flat();

/** The body of an error or a redirect: the connection is given up instead of reading what may have no end. */
function leave({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => undefined);
  body.destroy();
}

async function answerOf(
  response: Dispatcher.ResponseData,
  limits: RequestLimits,
  heard: () => void,
): Promise<Answer> {
  const { statusCode: status, body } = response;
  const header = (name: string): string | undefined => headersOf(response, name)[0];
  const to = header('location');
  if (REDIRECTS.includes(status) && to !== undefined) {
    leave(response);
    return { kind: 'redirect', to };
  }
  if (status < 200 || status > 299 || WITHOUT_BODY.includes(status)) {
    leave(response);
    throw new DownloadError(`HTTP Error ${status}: ${STATUS_CODES[status] ?? 'unknown'}`, {
      retriable: PASSING.includes(status),
      httpStatus: status,
      retryAfter: retryAfterSeconds(header('retry-after'), header('date')),
    });
  }
  const length = header('content-length');
  if (limits.longer === 'fails' && Number(length) > limits.maxBytes) {
    leave(response);
    throw new DownloadError(`more than ${limits.maxBytes} bytes (--max-bytes)`, { retriable: false });
  }
  return {
    kind: 'body',
    bytes: await readBody(body, header('content-encoding'), limits, heard),
    contentType: header('content-type') ?? '',
    robotsTags: headersOf(response, 'x-robots-tag'),
    bounded: length !== undefined || header('transfer-encoding') !== undefined,
  };
}

const seconds = (ms: number): string => `${ms / 1000} s`;

/**
 * Asks for a URL once. Redirects are answers; cookies are neither kept nor sent.
 *
 * @throws DownloadError for everything that comes between; what `signal` says where it ends the request.
 */
export async function request(
  agent: Dispatcher,
  url: URL,
  headers: Readonly<Record<string, string>>,
  limits: RequestLimits,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted();
  const abort = new AbortController();
  const late = (message: string) => () => abort.abort(new DownloadError(message, { retriable: true }));
  const whole = setTimeout(late(`took longer than ${seconds(limits.timeout)} (--timeout)`), limits.timeout);
  const stall = setTimeout(
    late(`nothing came for ${seconds(limits.stallTimeout)} (--stall-timeout)`),
    limits.stallTimeout,
  );
  const stop = (): void => abort.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await send(url, { dispatcher: agent, headers, signal: abort.signal }).catch((error) => {
      throw abort.signal.aborted || error instanceof DownloadError ? error : connectionError(error);
    });
    stall.refresh();
    return await answerOf(response, limits, () => stall.refresh());
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearTimeout(whole);
    clearTimeout(stall);
    signal.removeEventListener('abort', stop);
  }
}
