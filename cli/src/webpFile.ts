// Chunks of WebP files, as the container specification of Google has them (RFC 9649).

/** The longest side that a WebP file can have, in pixels. */
export const WEBP_MOST = 16_383;

/** The metadata of a file. */
export interface WebpExtras {
  /** Its EXIF block, which begins with the byte order. */
  readonly exif?: Uint8Array | undefined;
  /** Its colour profile. */
  readonly icc?: Uint8Array | undefined;
}

const HEADER = 12;
const FLAGS = { icc: 0x20, alpha: 0x10, exif: 0x08 } as const;

function chunk(type: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(data.length, 4);
  // Chunks begin at even places.
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

/** A WebP file of one image with an EXIF block and a colour profile. `alpha`: whether it has transparency. */
export function webpWith(
  webp: Buffer,
  { width, height, alpha }: { readonly width: number; readonly height: number; readonly alpha: boolean },
  { exif, icc }: WebpExtras,
): Buffer {
  if (!exif && !icc) return webp;
  const own: Buffer[] = [];
  for (let at = HEADER; at + 8 <= webp.length; ) {
    const type = webp.toString('latin1', at, at + 4);
    const size = webp.readUInt32LE(at + 4);
    if (!['VP8X', 'ICCP', 'EXIF', 'XMP '].includes(type))
      own.push(chunk(type, webp.subarray(at + 8, at + 8 + size)));
    at += 8 + size + (size % 2);
  }
  const facts = Buffer.alloc(10);
  facts[0] = (icc ? FLAGS.icc : 0) | (alpha ? FLAGS.alpha : 0) | (exif ? FLAGS.exif : 0);
  facts.writeUIntLE(width - 1, 4, 3);
  facts.writeUIntLE(height - 1, 7, 3);
  const body = Buffer.concat([
    Buffer.from('WEBP', 'latin1'),
    chunk('VP8X', facts),
    ...(icc ? [chunk('ICCP', icc)] : []),
    ...own,
    ...(exif ? [chunk('EXIF', exif)] : []),
  ]);
  return chunk('RIFF', body);
}
