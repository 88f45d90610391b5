/** How samples are written. `code`: 1 for whole numbers, 3 for floats. */
interface WavFormat {
  readonly code: 1 | 3;
  readonly bits: 8 | 16 | 24 | 32 | 64;
  readonly extensible?: boolean;
}

/** A WAV file of samples in -1..1 of each channel. */
export function wavBytes(
  channels: readonly ArrayLike<number>[],
  sampleRate: number,
  { code, bits, extensible = false }: WavFormat,
): Uint8Array {
  const [count, bytes, extra] = [channels[0]!.length, bits / 8, extensible ? 24 : 0];
  const size = count * bytes * channels.length;
  const out = new DataView(new ArrayBuffer(44 + extra + size));
  const text = (at: number, letters: string) => {
    for (let i = 0; i < letters.length; i++) out.setUint8(at + i, letters.charCodeAt(i));
  };
  text(0, 'RIFF');
  out.setUint32(4, 36 + extra + size, true);
  text(8, 'WAVEfmt ');
  out.setUint32(16, 16 + extra, true);
  out.setUint16(20, extensible ? 0xfffe : code, true);
  out.setUint16(22, channels.length, true);
  out.setUint32(24, sampleRate, true);
  out.setUint32(28, sampleRate * bytes * channels.length, true);
  out.setUint16(32, bytes * channels.length, true);
  out.setUint16(34, bits, true);
  if (extensible) {
    out.setUint16(36, 22, true);
    out.setUint16(44, code, true);
  }
  text(36 + extra, 'data');
  out.setUint32(40 + extra, size, true);
  let at = 44 + extra;
  for (let i = 0; i < count; i++) {
    for (const channel of channels) {
      const value = channel[i]!;
      if (code === 3 && bits === 32) out.setFloat32(at, value, true);
      else if (code === 3) out.setFloat64(at, value, true);
      else if (bits === 8) out.setUint8(at, value * 128 + 128);
      else if (bits === 16) out.setInt16(at, value * 2 ** 15, true);
      else if (bits === 32) out.setInt32(at, value * 2 ** 31, true);
      else {
        const whole = value * 2 ** 23;
        out.setUint16(at, whole & 0xffff, true);
        out.setInt8(at + 2, whole >> 16);
      }
      at += bytes;
    }
  }
  return new Uint8Array(out.buffer);
}
