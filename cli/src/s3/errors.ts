/** What an object store's answers mean, in one line each: the address, the reason and the way out. */
import { DataError } from 'fovea';
import { PlaceError } from '../place/placeError.ts';

/**
 * The store cannot be used from here: it does not answer, or does not let this process in. No image is to blame, and another process, or
 * the same one later, may do better.
 */
export class StoreError extends PlaceError {}

/** It refuses one object, and may give others. */
export class ObjectError extends DataError {}

/** A request, for those who are told that it failed. */
export interface Asked {
  readonly method: string;
  /** `s3://BUCKET/KEY`. */
  readonly url: string;
  readonly bucket: string;
  readonly endpoint: string;
}

/** An answer that is no success. */
export interface Refusal {
  readonly status: number;
  /** S3's name of the error; '' where there was none. */
  readonly code: string;
  readonly message: string;
  /** The region that the bucket is in, where the store says so. */
  readonly region: string | undefined;
}

const CREDENTIALS = [
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'TokenRefreshRequired',
  'InvalidSecurity',
  'NotSignedUp',
];
const ELSEWHERE = [
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'TemporaryRedirect',
  'IncorrectEndpoint',
];
const FULL = ['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage', 'StorageFull'];

const CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  UND_ERR_SOCKET: 'the connection broke off',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  UND_ERR_HEADERS_TIMEOUT: 'no answer',
  UND_ERR_BODY_TIMEOUT: 'the answer does not end',
};

/** The error of a system or of TLS. */
export const connectionCode = (error: unknown): string => {
  // Several addresses were tried.
  const one = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return (one as { code?: string } | undefined)?.code ?? '';
};

/** Whether it is no use to ask again: the other side speaks another language, or is somebody else. */
export const isFinal = (error: unknown): boolean =>
  /CERT|SSL|TLS|SIGNATURE|^HPE_|ERR_INVALID/.test(connectionCode(error));

/** No answer came. */
export function unreachable({ url, endpoint }: Asked, error: unknown): StoreError {
  const code = connectionCode(error);
  const why = CONNECTION[code] ?? (isFinal(error) ? `no connection (${code})` : (error as Error).message);
  return new StoreError(
    `${url}: ${endpoint} does not answer (${why}); check AWS_ENDPOINT_URL and the network, and run the same command again`,
    { cause: error },
  );
}

/** What is wrong with an answer. */
export function refused({ method, url, bucket, endpoint }: Asked, refusal: Refusal): DataError {
  const { status, code, message, region } = refusal;
  const said = code === '' ? `status ${status}` : `${status} ${code}`;
  if (code === 'NoSuchBucket' || (status === 404 && url === `s3://${bucket}`)) {
    return new StoreError(
      `${url}: there is no bucket ${bucket} at ${endpoint} (${said}); make it, or check its name and AWS_ENDPOINT_URL`,
    );
  }
  if (CREDENTIALS.includes(code) || status === 401) {
    return new StoreError(
      `${url}: ${endpoint} does not take the credentials (${said}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN`,
    );
  }
  if (code === 'RequestTimeTooSkewed') {
    return new StoreError(`${url}: the clock of this machine is wrong by minutes (${said}); set it`);
  }
  if (ELSEWHERE.includes(code) || status === 301 || status === 307) {
    const where = region === undefined ? 'that of the bucket' : region;
    return new StoreError(`${url}: the bucket is in another region (${said}); set AWS_REGION to ${where}`);
  }
  if (FULL.includes(code) || status === 507) {
    return new StoreError(
      `${url}: cannot be written, the store is full (${said}); make room, and run the same command again`,
    );
  }
  if (status === 403 && method !== 'GET' && method !== 'HEAD') {
    return new StoreError(
      `${url}: cannot be written, it is read-only for these credentials (${said}); allow s3:PutObject and s3:DeleteObject, or choose another --out`,
    );
  }
  if (status === 403) {
    return new ObjectError(
      `${url}: cannot be read with these credentials (${said}); allow s3:GetObject and s3:ListBucket, or restore it from its archive`,
    );
  }
  if (status === 404 && method === 'GET')
    return new ObjectError(`${url}: there is no such object (${said}); check the address`);
  if (code === 'EntityTooLarge') {
    return new StoreError(
      `${url}: is larger than the store takes at once (${said}); write to a folder, and copy it from there`,
    );
  }
  const words = message === '' ? '' : `: ${message}`;
  return new StoreError(
    `${url}: ${endpoint} answers ${said}${words}; run the same command again, or look into the store's log`,
  );
}
