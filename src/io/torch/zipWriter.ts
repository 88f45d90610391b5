import { UsageError } from '../../errors.ts';

/** Where PyTorch begins the bytes of each entry, so that it can map them into memory. */
const ALIGNMENT = 64;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const MAX_BYTES = 0xffffffff;
const MAX_ENTRIES = 0xffff;
/** 1980-01-01, the first day there is: the same tensors give the same bytes. */
const DATE = 0x21;

let crcTable: Uint32Array | undefined;

function crc32(bytes: Uint8Array): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Writes a zip archive of stored entries, each of which begins at a multiple of 64 bytes, as PyTorch pads them.
 *
 * @param entries Bytes by name.
 * @throws UsageError for more than 65,535 entries or 4 GiB, which would need zip64.
 */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  let end = 0;
  let directoryBytes = 0;
  const placed = [...entries].map(([text, bytes]) => {
    const name = new TextEncoder().encode(text);
    const local = end;
    const bare = local + LOCAL_BYTES + name.length;
    // A field of padding takes 4 bytes at least.
    const data = Math.ceil((bare + 4) / ALIGNMENT) * ALIGNMENT;
    end = data + bytes.length;
    directoryBytes += CENTRAL_BYTES + name.length;
    return { name, bytes, local, data, padding: data - bare - 4 };
  });
  const total = end + directoryBytes + END_BYTES;
  if (total > MAX_BYTES || placed.length >= MAX_ENTRIES) {
    throw new UsageError(
      `writeTorch: ${placed.length} entries of ${total} bytes are over the ${MAX_ENTRIES} entries or ${MAX_BYTES} bytes of a zip archive; write safetensors`,
    );
  }
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let at = end;
  for (const { name, bytes, local, data, padding } of placed) {
    const common = (start: number) => {
      view.setUint16(start + 8, DATE, true);
      view.setUint32(start + 10, crc32(bytes), true);
      view.setUint32(start + 14, bytes.length, true);
      view.setUint32(start + 18, bytes.length, true);
      view.setUint16(start + 22, name.length, true);
    };
    view.setUint32(local, 0x04034b50, true);
    common(local + 4);
    view.setUint16(local + 28, padding + 4, true);
    out.set(name, local + LOCAL_BYTES);
    const extra = local + LOCAL_BYTES + name.length;
    out.set([0x46, 0x42], extra);
    view.setUint16(extra + 2, padding, true);
    out.fill(0x5a, extra + 4, data);
    out.set(bytes, data);
    view.setUint32(at, 0x02014b50, true);
    common(at + 6);
    view.setUint32(at + 42, local, true);
    out.set(name, at + CENTRAL_BYTES);
    at += CENTRAL_BYTES + name.length;
  }
  view.setUint32(at, 0x06054b50, true);
  view.setUint16(at + 8, placed.length, true);
  view.setUint16(at + 10, placed.length, true);
  view.setUint32(at + 12, directoryBytes, true);
  view.setUint32(at + 16, end, true);
  return out;
}
