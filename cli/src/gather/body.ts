import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { DownloadError } from './failure.ts';

/** How much of a body is read. */
export interface BodyLimit {
  readonly maxBytes: number;
  /** What becomes of a longer one. */
  readonly longer: 'fails' | 'is cut';
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** More would be a bomb: nobody encodes a body three times. */
const MOST_ENCODINGS = 2;

const tooLong = (maxBytes: number): DownloadError =>
  new DownloadError(`more than ${maxBytes} bytes (--max-bytes)`, { retriable: false });

/** The decoders of a Content-Encoding header, in the order in which they are needed. Throws DownloadError for one that is not known. */
function decodersOf(encoding: string | undefined): Transform[] {
  const names = (encoding ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const unknown = names.find((name) => !Object.hasOwn(DECODERS, name));
  if (unknown !== undefined || names.length > MOST_ENCODINGS) {
    throw new DownloadError(`content encoding ${JSON.stringify(names.join(', '))} is not known`, {
      retriable: false,
    });
  }
  return names.reverse().map((name) => DECODERS[name]!());
}

/** Ends reading a body of which no more is needed. */
class Enough extends Error {}

/** What went wrong while a body was read. */
function bodyError(error: unknown): unknown {
  const code = `${(error as NodeJS.ErrnoException).code}`;
  // Z_BUF_ERROR: what was compressed has no end.
  if (/^(Z_|ERR_BROTLI|ERR__ERROR)/.test(code) && code !== 'Z_BUF_ERROR') {
    return new DownloadError('the compressed body is damaged', { retriable: false, cause: error });
  }
  return new DownloadError('the body was cut off', { retriable: true, cause: error });
}

/**
 * Reads a body into memory, decoded. Both the bytes that arrive and the decoded ones count: those of a gzip bomb are never all made.
 *
 * @param body The stream, which is read to its end or destroyed.
 * @param encoding The Content-Encoding header.
 * @param limit How much is read.
 * @param heard Called whenever bytes arrive.
 * @throws DownloadError for a body that is too long, cut off or damaged.
 */
export async function readBody(
  body: Readable,
  encoding: string | undefined,
  { maxBytes, longer }: BodyLimit,
  heard: () => void,
): Promise<Buffer> {
  const decoders = decodersOf(encoding);
  const parts: Buffer[] = [];
  let decoded = 0;
  const arriving = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let arrived = 0;
    for await (const part of source) {
      heard();
      arrived += part.length;
      if (arrived > maxBytes && longer === 'fails') throw tooLong(maxBytes);
      yield part;
    }
  };
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const part of source) {
      decoded += part.length;
      if (decoded > maxBytes && longer === 'fails') throw tooLong(maxBytes);
      parts.push(part);
      if (decoded > maxBytes) throw new Enough();
    }
  };
  try {
    // The types of pipeline know no list of streams between the ends.
    await (pipeline as (streams: readonly unknown[]) => Promise<void>)([
      body,
      arriving,
      ...decoders,
      collect,
    ]);
  } catch (error) {
    if (!(error instanceof Enough)) throw error instanceof DownloadError ? error : bodyError(error);
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}
