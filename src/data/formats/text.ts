import { BadData } from '../faults.ts';

const MARKS: readonly (readonly [bytes: readonly number[], encoding: string])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

const DECLARED = /^<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][-\w.:]*)["']/;

/** The encoding that a byte order mark states, and the bytes that the mark takes. */
export function markedEncoding(bytes: Uint8Array): { encoding: string; length: number } | undefined {
  const mark = MARKS.find(([magic]) => magic.every((byte, i) => bytes[i] === byte));
  return mark && { encoding: mark[1], length: mark[0].length };
}

/** The encoding that a byte order mark or an XML declaration states. */
function statedEncoding(bytes: Uint8Array): string | undefined {
  const mark = markedEncoding(bytes);
  if (mark) return mark.encoding;
  return DECLARED.exec(String.fromCharCode(...bytes.subarray(0, 300)))?.[1];
}

/** A decoder that throws for bytes that are not in this encoding. Throws DataError for an unknown encoding. */
export function decoderFor(encoding: string, file: string, ignoreBOM = false): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM });
  } catch (cause) {
    throw new BadData(
      'encoding',
      `${file}: ${JSON.stringify(encoding)} is not an encoding that is known here; save the file as UTF-8`,
      { cause },
    );
  }
}

/**
 * Decodes a text file: by its byte order mark, its XML declaration, or `encoding` (default UTF-8).
 *
 * @throws DataError for bytes that are not in this encoding. Nothing is ever replaced by U+FFFD.
 */
export function decodeText(bytes: Uint8Array, file: string, encoding = 'utf-8'): string {
  const stated = statedEncoding(bytes) ?? encoding;
  try {
    const decoder = decoderFor(stated, file);
    checkZeros(bytes, decoder.encoding, file);
    return decoder.decode(bytes);
  } catch (cause) {
    if (cause instanceof BadData) throw cause;
    throw new BadData('encoding', notText(file, stated), { cause });
  }
}

/**
 * Throws DataError for text that looks like UTF-16 without a byte order mark: one of its first two bytes is 0, as in no other encoding.
 */
export function checkZeros(bytes: Uint8Array, encoding: string, file: string): void {
  if (encoding.startsWith('utf-16') || bytes.length < 2 || (bytes[0] !== 0 && bytes[1] !== 0)) return;
  const name = bytes[0] === 0 ? 'utf-16be' : 'utf-16le';
  throw new BadData(
    'encoding',
    `${file}: seems to be UTF-16 text without a byte order mark; save it as UTF-8, or name its encoding (--encoding ${name})`,
  );
}

export const notText = (file: string, encoding: string): string =>
  `${file}: is not ${encoding.toUpperCase()} text; save it as UTF-8, or name its encoding (--encoding gb18030, shift_jis …)`;
