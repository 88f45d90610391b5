/** Brands of images in files of the kind of MP4 (ISO 14496-12): of AVIF, HEIC and their sequences. */
const IMAGES = /^(?:avi[fs]|he[iv][cxms]|mif[12]|msf1|miaf|MA1[AB])/;

/** A list of brands that is longer is no such list, in bytes. */
const MOST_BRANDS = 1024;

const latin = (bytes: Uint8Array, from: number, to: number): string =>
  new TextDecoder('latin1').decode(bytes.subarray(from, to));

/** The brands that a file of the kind of MP4 says it is of; undefined for other files. */
function brandsOf(bytes: Uint8Array): string[] | undefined {
  if (bytes.length < 16 || latin(bytes, 4, 8) !== 'ftyp') return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (size < 16 || size > MOST_BRANDS) return undefined;
  const end = Math.min(size, bytes.length);
  const brands = [latin(bytes, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(latin(bytes, at, at + 4));
  return brands;
}

/** Whether bytes begin as a video or a sound, in formats that people have. Undefined for images and for all else. */
export function mediaContent(bytes: Uint8Array): 'a video' | 'a sound' | undefined {
  const brands = brandsOf(bytes);
  if (brands) {
    if (brands.some((brand) => IMAGES.test(brand))) return undefined;
    return brands.some((brand) => brand.startsWith('M4A')) ? 'a sound' : 'a video';
  }
  const start = latin(bytes, 0, 4);
  if (start === '\x1aE\xdf\xa3' || start.startsWith('FLV')) return 'a video';
  if (start === 'RIFF') {
    const kind = latin(bytes, 8, 12);
    return kind === 'AVI ' ? 'a video' : kind === 'WAVE' ? 'a sound' : undefined;
  }
  if (start === 'fLaC' || start === 'OggS' || start.startsWith('ID3')) return 'a sound';
  return undefined;
}
