/** Where the queue is, and whether it answers. Passwords are never shown. */
import { UsageError } from 'fovea';

export type QueueKind = 'redis' | 'postgres';

export interface QueueAddress {
  readonly kind: QueueKind;
  /** With the password, for clients alone. */
  readonly url: string;
  /** Without it. */
  readonly shown: string;
}

/** How long the first answer may take, in milliseconds. */
const PATIENCE = 10_000;

/**
 * The address of a queue. The password may come from the environment (`FOVEA_QUEUE_PASSWORD`; of PostgreSQL also `PGPASSWORD`), so that it
 * is on no command line. Throws UsageError for what is none.
 */
export function queueAddress(text: string | undefined): QueueAddress {
  if (!text) {
    throw new UsageError('which queue? Give its address with --queue, or in the environment (FOVEA_QUEUE)');
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(
      '--queue: is no address; give one such as redis://HOST:6379 or postgres://USER@HOST/DATABASE',
    );
  }
  const kind: QueueKind = url.protocol.startsWith('redis') ? 'redis' : 'postgres';
  const { FOVEA_QUEUE_PASSWORD, PGPASSWORD } = process.env;
  const given = FOVEA_QUEUE_PASSWORD ?? (kind === 'postgres' ? PGPASSWORD : undefined);
  if (url.password === '' && given) url.password = encodeURIComponent(given);
  const full = url.href;
  url.password = '';
  url.search = '';
  return { kind, url: full, shown: url.href };
}

const UNKNOWN_CERTIFICATE =
  'its certificate is of no authority that is known here; name the file of one in NODE_EXTRA_CA_CERTS';

/** What to do about an error of a client, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; check the address, and that the server runs',
  ENOTFOUND: 'no such host; check the address',
  EAI_AGAIN: 'the host is not found; check the address, and the network',
  ETIMEDOUT: 'no answer; check the address, and the network',
  '28P01': 'wrong user or password; check them (FOVEA_QUEUE_PASSWORD)',
  '28000': 'the server does not let this user in; check user and password (FOVEA_QUEUE_PASSWORD)',
  '3D000': 'there is no such database; make it, or give another',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CERTIFICATE,
  CERT_HAS_EXPIRED: 'its certificate has expired; the server needs a new one',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is of another host; give the name that it has, or check where the address leads',
  ECONNRESET:
    'the server ended the connection; check the address, and whether it wants TLS (rediss:, or ?sslmode=verify-full)',
  WRONGPASS: 'wrong user or password; check them (FOVEA_QUEUE_PASSWORD)',
  NOAUTH: 'the server asks for a password; give it (FOVEA_QUEUE_PASSWORD)',
};

/** Says in one line why a queue cannot be used. */
export function queueError({ shown }: QueueAddress, error: unknown): UsageError {
  const {
    code,
    message = String(error),
    errors,
  } = error as {
    code?: string;
    message?: string;
    errors?: readonly { code?: string }[];
  };
  const known = code ?? errors?.[0]?.code ?? /^(WRONGPASS|NOAUTH)/.exec(message)?.[1] ?? '';
  const why = ADVICE[known] ?? (/timeout|timed out/i.test(message) ? ADVICE.ETIMEDOUT : message);
  return new UsageError(`--queue ${shown}: ${why}`, { cause: error });
}

/** Throws UsageError where the server does not answer, or does not let this user in. */
export async function expectQueue(address: QueueAddress): Promise<void> {
  try {
    await (address.kind === 'redis' ? pingRedis(address.url) : pingPostgres(address.url));
  } catch (error) {
    throw queueError(address, error);
  }
}

/** A promise that fails where a server has let somebody in, and says nothing. */
function silenceOf(milliseconds: number): { readonly promise: Promise<never>; end(): void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), milliseconds);
  });
  return { promise, end: () => clearTimeout(timer) };
}

async function pingRedis(url: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    ...{ lazyConnect: true, maxRetriesPerRequest: 0, connectTimeout: PATIENCE, enableReadyCheck: false },
    retryStrategy: () => null,
  });
  const silence = silenceOf(PATIENCE);
  let reason: unknown;
  client.on('error', (error) => {
    reason = error;
  });
  try {
    await Promise.race([client.connect().then(() => client.ping()), silence.promise]);
  } catch (error) {
    throw reason ?? error;
  } finally {
    silence.end();
    client.disconnect();
  }
}

async function pingPostgres(url: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PATIENCE });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}
