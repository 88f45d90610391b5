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

/** The encoding that an XML declaration states. */
const declaredEncoding = (bytes: Uint8Array): string | undefined =>
  DECLARED.exec(String.fromCharCode(...bytes.subarray(0, 300)))?.[1];

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
 * Decodes a text file: by its byte order mark, else by `encoding`, else by its XML declaration, else as UTF-8. A declaration of UTF-8
 * that the bytes keep is believed even where `encoding` is given, which is meant for other files then.
 *
 * @throws DataError for bytes that are not in this encoding, and for text with NUL characters. Nothing is ever replaced by U+FFFD.
 */
export function decodeText(bytes: Uint8Array, file: string, encoding?: string): string {
  const marked = markedEncoding(bytes)?.encoding;
  const declared = marked ? undefined : declaredEncoding(bytes);
  if (declared && encoding !== undefined && /^utf-?8$/i.test(declared)) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      // It is not what it declares.
    }
  }
  if (declared && encoding === undefined && /^utf-?16/i.test(declared)) {
    throw new BadData(
      'encoding',
      `${file}: its XML declaration says ${declared}, but it has a single byte per letter; name its encoding (--encoding utf-8)`,
    );
  }
  const stated = marked ?? encoding ?? declared ?? 'utf-8';
  try {
    const decoder = decoderFor(stated, file);
    checkZeros(bytes, decoder.encoding, file);
    const text = decoder.decode(bytes);
    if (text.includes('\0')) {
      throw new BadData(
        'encoding',
        `${file}: is not text in ${decoder.encoding.toUpperCase()}: it has NUL characters; save it as UTF-8`,
      );
    }
    return text;
  } catch (cause) {
    if (cause instanceof BadData) throw cause;
    throw new BadData('encoding', notText(file, stated, declared === stated), { cause });
  }
}

/** Throws DataError for bytes of 0, which text has in no encoding but UTF-16: it then says which one has them at these places. */
export function checkZeros(bytes: Uint8Array, encoding: string, file: string): void {
  if (encoding.startsWith('utf-16')) return;
  const first = bytes.indexOf(0);
  if (first < 0) return;
  // A 0 is the high byte of a character up to U+00FF: the second of two in little-endian.
  const name = first % 2 === 0 ? 'utf-16be' : 'utf-16le';
  throw new BadData(
    'encoding',
    `${file}: seems to be UTF-16 text without a byte order mark, as it has bytes of 0; save it as UTF-8, or name its encoding (--encoding ${name})`,
  );
}

/** What is said of bytes that are not in an encoding. `declared`: the file itself says that it is in it. */
export const notText = (file: string, encoding: string, declared = false): string =>
  `${file}: is not ${encoding.toUpperCase()} text${declared ? ', which its XML declaration says it is' : ''}; save it as UTF-8, or name its encoding (--encoding gb18030, shift_jis …)`;
