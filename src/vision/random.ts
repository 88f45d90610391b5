import { DataError } from '../errors.ts';

/** The state of a `Random` as plain numbers, which JSON stores exactly. */
export interface RandomState {
  /** The key that forks are derived from: four 32-bit words. */
  readonly key: readonly number[];
  /** The state of the generator: four 32-bit words. */
  readonly words: readonly number[];
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** MurmurHash3's 32-bit finalizer: every input bit reaches every output bit. */
function finalize(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A 128-bit key from a parent's key and a label; `1` and `'1'` are different labels. */
function deriveKey(parent: readonly number[], label: string | number): number[] {
  const text = `${typeof label}:${label}`;
  const key = [...parent];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    for (let j = 0; j < 4; j++) {
      key[j] = finalize(key[j]! ^ Math.imul(key[(j + 1) & 3]! + code + j, 0x9e3779b1));
    }
  }
  for (let round = 0; round < 2; round++) {
    for (let j = 0; j < 4; j++) key[j] = finalize(key[j]! + rotateLeft(key[(j + 1) & 3]!, 7) + j);
  }
  return key.map((word) => word >>> 0);
}

const ROOT_KEY = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]; // the first digits of pi

/**
 * A seeded generator of random numbers: xoshiro128** 1.1 (Blackman and Vigna 2021, "Scrambled linear
 * pseudorandom number generators", ACM TOMS 47(4)), 128 bits of state, period 2^128 - 1. Equal seeds give
 * equal sequences on every engine; only `normal` goes through `Math.log` and `Math.cos`, whose last bit an
 * engine may choose. For simulation and sampling, never for secrets.
 *
 * `fork(label)` depends on the seed and the labels alone, not on how much was drawn before: what the n-th
 * batch sees is then a function of (seed, n).
 */
export class Random {
  #key: readonly number[];
  #words: Uint32Array;

  /** @param seed A finite number, or a string. Throws DataError for a number that is not finite. */
  constructor(seed: number | string) {
    if (typeof seed === 'number' && !Number.isFinite(seed)) {
      throw new DataError(`Random: seed ${seed} is not finite; give a finite number or a string`);
    }
    this.#key = deriveKey(ROOT_KEY, seed);
    this.#words = firstWords(this.#key);
  }

  /** Makes a generator that continues exactly where `state()` was taken. Throws DataError for anything else. */
  static fromState(state: RandomState): Random {
    const random = new Random(0);
    random.#key = checkedWords('key', state?.key);
    random.#words = Uint32Array.from(checkedWords('words', state?.words));
    return random;
  }

  /** Returns the state, as plain JSON data: see `fromState`. */
  state(): RandomState {
    return { key: [...this.#key], words: [...this.#words] };
  }

  /** Makes an independent generator named by `label`. A number and its text are different labels. */
  fork(label: string | number): Random {
    const random = new Random(0);
    random.#key = deriveKey(this.#key, label);
    random.#words = firstWords(random.#key);
    return random;
  }

  /** Draws a number in [0, 1), with 53 random bits. */
  uniform(): number {
    const high = this.#next() >>> 5;
    return (high * 0x4000000 + (this.#next() >>> 6)) / 0x20000000000000;
  }

  /** Draws `a + (b - a) * uniform()`: from a (included) towards b; `a` if they are equal. */
  range(a: number, b: number): number {
    return a + (b - a) * this.uniform();
  }

  /** Draws an integer in [0, n), n at least 1; no value is likelier than another by more than n / 2^53. */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new DataError(
        `Random.integer: ${n} is not a count of at least 1; draw from a set that is not empty`,
      );
    }
    return Math.floor(this.uniform() * n);
  }

  /** Draws a normal value of mean 0 and variance 1 (Box and Muller 1958). Uses two uniform numbers. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles an array in place, every order equally likely (Fisher and Yates), and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }

  #next(): number {
    const s = this.#words;
    const s1 = s[1]!;
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= s1 << 9;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }
}

/** The state that a key starts from. All zeros is the one state that xoshiro never leaves. */
function firstWords(key: readonly number[]): Uint32Array {
  const words = Uint32Array.from(key);
  if (words.every((word) => word === 0)) words[0] = 1;
  return words;
}

function checkedWords(name: 'key' | 'words', words: unknown): number[] {
  const valid =
    Array.isArray(words) && words.length === 4 && words.every((w) => typeof w === 'number' && w >>> 0 === w);
  if (!valid || (name === 'words' && words.every((w) => w === 0))) {
    throw new DataError(
      `Random.fromState: ${name} ${JSON.stringify(words)} is not the four 32-bit words that state() returns; pass them unchanged`,
    );
  }
  return [...words];
}
