/** Numbers in -1..1 by a linear congruential generator. */
function noise(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state * 16807) % 2147483647;
    return state / 1073741823.5 - 1;
  });
}

/** The signals of test/fixtures/mel.py. */
export function signal(kind: string, rate: number, count: number): Float32Array {
  const sine = (turns: number) => Math.sin(2 * Math.PI * turns);
  const hiss = noise(count, kind === 'chirp' ? 7 : 1);
  return Float32Array.from({ length: count }, (_, i) => {
    const t = i / rate;
    if (kind === 'tones') return 0.5 * sine(440 * t) + 0.25 * sine(3000 * t);
    return kind === 'chirp' ? 0.8 * sine(200 * t + 0.2 * rate * t * t) + 0.01 * hiss[i]! : 0.3 * hiss[i]!;
  });
}
