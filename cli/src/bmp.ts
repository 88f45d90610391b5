/** BMP files without compression, which libvips does not read (Microsoft's BITMAPCOREHEADER and BITMAPINFOHEADER, versions 3 to 5). */
import { BadData } from 'fovea/data';

/** The decoder's parameters in the header of a BMP file. */
interface Header {
  readonly width: number;
  readonly height: number;
  /** Whether the first row of the file is the top one. */
  readonly topDown: boolean;
  readonly bits: number;
  /** 0: none. 3 and 6: none, with masks of the channels' bits. */
  readonly method: number;
  /** Where the palette begins, and how many bytes a colour has there. */
  readonly palette: readonly [start: number, bytes: number];
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function headerOf(bytes: Uint8Array): Header {
  const view = viewOf(bytes);
  const length = view.getUint32(14, true);
  if (length === 12) {
    const [width, height] = [view.getUint16(18, true), view.getUint16(20, true)];
    return { width, height, topDown: false, bits: view.getUint16(24, true), method: 0, palette: [26, 3] };
  }
  if (bytes.length < 54 || length < 40) throw new Error('its header is cut short');
  const height = view.getInt32(22, true);
  const method = view.getUint32(30, true);
  return {
    width: Math.abs(view.getInt32(18, true)),
    height: Math.abs(height),
    topDown: height < 0,
    bits: view.getUint16(28, true),
    method,
    palette: [14 + length + (length === 40 && method === 3 ? 12 : 0), 4],
  };
}

/** The size in a BMP file's header. */
export function bmpSize(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const { width, height } = headerOf(bytes);
  return { width, height };
}

/**
 * Checks that a BMP file has the bytes that its size needs, before anything of that size is made. Throws an Error that says what is
 * wrong with it, DataError for one with compression.
 */
export function checkBmp(bytes: Uint8Array, name: string): void {
  const { width, height, bits, method } = headerOf(bytes);
  if (![0, 3, 6].includes(method)) {
    throw new BadData(
      'damaged image',
      `${name}: is a BMP file with compression, which is not read; save it without, or as PNG`,
    );
  }
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`it has ${bits} bits per pixel`);
  const held = Math.max(0, bytes.length - viewOf(bytes).getUint32(10, true));
  const needed = Math.ceil((width * bits) / 32) * 4 * height;
  if (held < needed || needed === 0) {
    throw new Error(`${width}x${height} pixels need ${needed} bytes, and it has ${held}`);
  }
}

/** Reads a channel of the bits in `mask` as 0 to 255. */
function channelOf(mask: number): (value: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (value) => Math.round((((value & mask) >>> shift) * 255) / most);
}

/** Decodes a BMP file that `checkBmp` accepts to RGB [height, width, 3], from the top. The fourth byte of a pixel is seldom meant as opacity. */
export function decodeBmp(bytes: Uint8Array): { width: number; height: number; data: Uint8Array } {
  const view = viewOf(bytes);
  const { width, height, topDown, bits, method, palette } = headerOf(bytes);
  const offset = view.getUint32(10, true);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const data = new Uint8Array(width * height * 3);
  const masks = method === 0 ? [0x7c00, 0x3e0, 0x1f] : [54, 58, 62].map((at) => view.getUint32(at, true));
  const channels = masks.map(channelOf);
  for (let y = 0, to = 0; y < height; y++) {
    const row = offset + (topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++, to += 3) {
      if (bits <= 8) {
        const index =
          (bytes[row + Math.floor((x * bits) / 8)]! >> (8 - bits - ((x * bits) % 8))) & (2 ** bits - 1);
        const color = palette[0] + index * palette[1];
        for (let k = 0; k < 3; k++) data[to + k] = bytes[color + 2 - k]!;
      } else if (bits === 24 || (bits === 32 && method === 0)) {
        const pixel = row + (x * bits) / 8;
        for (let k = 0; k < 3; k++) data[to + k] = bytes[pixel + 2 - k]!;
      } else {
        const value = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
        for (let k = 0; k < 3; k++) data[to + k] = channels[k]!(value);
      }
    }
  }
  return { width, height, data };
}
