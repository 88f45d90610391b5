/** A stream of compressed bytes, or of what they hold. */
export const through = (bytes: Uint8Array, transform: CompressionStream | DecompressionStream) =>
  new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(transform);

/**
 * Unpacks a deflated stream that must hold exactly as many bytes as `out`; stops after them. Returns how many there are, with one
 * more for too many. Throws TypeError for a damaged stream.
 *
 * @param format `deflate` with zlib's header, as in PNG; `deflate-raw` without, as in zip archives.
 */
export async function inflateInto(
  out: Uint8Array,
  bytes: Uint8Array,
  format: 'deflate' | 'deflate-raw',
): Promise<number> {
  let length = 0;
  const reader = through(bytes, new DecompressionStream(format)).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { value } = next;
    if (length + value.length > out.length) {
      await reader.cancel();
      return out.length + 1;
    }
    out.set(value, length);
    length += value.length;
  }
  return length;
}
