// The cosine transform in the order of FFTPACK's operations (P. Swarztrauber 1982: cosqb, rfftb), which SciPy's has too. Sums that are zero
// in theory come out as other small numbers in another order, and images without detail would get other hashes.

/** Transforms n values in place. */
type Transform = (values: Float64Array) => void;

/** Cosine and sine of an angle. */
type Rotation = readonly [cos: number, sin: number];

/** The bits behind the point of whole numbers that stand for fractions. */
const POINT = 120;
/** Pi with so many bits. */
const PI = 0x3243f6a8885a308d313198a2e037073n;

/**
 * The rotation by an angle from 0 to pi / 4, each number the float64 nearest to it, by Taylor's series in whole numbers: engines round the last
 * bit of Math.cos as they like, C's library correctly.
 */
function rotationBy(angle: number): Rotation {
  const point = BigInt(POINT);
  const x = BigInt(angle * 2 ** POINT);
  const sums = [0n, 0n];
  let term = 1n << point;
  for (let i = 0; term !== 0n; i++) {
    sums[i % 2]! += i % 4 < 2 ? term : -term;
    term = (term * x) / (BigInt(i + 1) << point);
  }
  const [cos, sin] = sums.map((sum) => Number(sum) / 2 ** POINT);
  return [cos!, sin!];
}

/** The rotation by k / n turns, 0 <= k <= n / 2. */
function eighthOf(k: number, n: number): Rotation {
  const unit = Number(PI / BigInt(4 * n)) / 2 ** POINT;
  const [part, quarter] = [(8 * k) % (2 * n), Math.floor((4 * k) / n)];
  const [a, b] = rotationBy((part < n ? part : 2 * n - part) * unit);
  const [cos, sin] = part < n ? [a, b] : [b, a];
  if (quarter === 0) return [cos, sin];
  return quarter === 1 ? [-sin, cos] : [-cos, -sin];
}

/** Rotations by k / n turns: each is the product of a small and a large one, as in SciPy, whose last bit differs from that of the cosine. */
function rotationsOf(n: number): (k: number) => Rotation {
  const most = Math.floor(n / 2) + 1;
  let step = 2;
  while (step * step < most) step *= 2;
  const known = new Map<number, Rotation>([[0, [1, 0]]]);
  const first = (k: number): Rotation => {
    const rotation = known.get(k) ?? eighthOf(k, n);
    known.set(k, rotation);
    return rotation;
  };
  return (k) => {
    const mirrored = 2 * k > n;
    const own = mirrored ? n - k : k;
    const [a, b] = first(own % step);
    const [c, d] = first(own - (own % step));
    const [cos, sin] = [a * c - b * d, a * d + b * c];
    return [cos, mirrored ? -sin : sin];
  };
}

/** Fourier's sums of a few complex values, `r` and `i`, in place: value j becomes the sum of values m turned by j m / radix. */
type Butterfly = (r: Float64Array, i: Float64Array) => void;

function butterfly2(r: Float64Array, i: Float64Array): void {
  const [r0, i0, r1, i1] = [r[0]!, i[0]!, r[1]!, i[1]!];
  r[0] = r0 + r1;
  i[0] = i0 + i1;
  r[1] = r0 - r1;
  i[1] = i0 - i1;
}

function butterfly4(r: Float64Array, i: Float64Array): void {
  const [evenR, evenI] = [r[0]! + r[2]!, i[0]! + i[2]!];
  const [oddR, oddI] = [r[1]! + r[3]!, i[1]! + i[3]!];
  const [r02, i02] = [r[0]! - r[2]!, i[0]! - i[2]!];
  const [r13, i13] = [r[1]! - r[3]!, i[1]! - i[3]!];
  r[0] = evenR + oddR;
  i[0] = evenI + oddI;
  r[1] = r02 - i13;
  i[1] = i02 + r13;
  r[2] = evenR - oddR;
  i[2] = evenI - oddI;
  r[3] = r02 + i13;
  i[3] = i02 - r13;
}

const EIGHTH = Math.SQRT1_2;
/** Rotations by k / 8 turns, to the last bit. */
const EIGHTHS: readonly Rotation[] = [
  [1, 0],
  [EIGHTH, EIGHTH],
  [0, 1],
  [-EIGHTH, EIGHTH],
];
/** Rotations by k / 3 and k / 5 turns, to the last bit. */
const ROTATIONS: Readonly<Record<number, readonly Rotation[]>> = {
  3: [
    [1, 0],
    [-0.5, 0.8660254037844386],
    [-0.5, -0.8660254037844386],
  ],
  5: [
    [1, 0],
    [0.30901699437494745, 0.9510565162951535],
    [-0.8090169943749475, 0.5877852522924731],
    [-0.8090169943749475, -0.5877852522924731],
    [0.30901699437494745, -0.9510565162951535],
  ],
};

/** Of an odd number of values: values m and radix - m are turned by opposite angles, so that their sums and differences are needed alone. */
function oddButterfly(radix: number): Butterfly {
  const half = (radix - 1) / 2;
  const [cos, sin] = [new Float64Array(radix), new Float64Array(radix)];
  const rotation = rotationsOf(radix);
  for (let k = 0; k < radix; k++) [cos[k], sin[k]] = ROTATIONS[radix]?.[k] ?? rotation(k);
  const [sumR, sumI, differenceR, differenceI] = Array.from(
    { length: 4 },
    () => new Float64Array(half + 1),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  return (r, i) => {
    const [r0, i0] = [r[0]!, i[0]!];
    for (let m = 1; m <= half; m++) {
      sumR[m] = r[m]! + r[radix - m]!;
      sumI[m] = i[m]! + i[radix - m]!;
      differenceR[m] = r[m]! - r[radix - m]!;
      differenceI[m] = i[m]! - i[radix - m]!;
      r[0]! += sumR[m]!;
      i[0]! += sumI[m]!;
    }
    for (let j = 1; j <= half; j++) {
      let [evenR, evenI, oddR, oddI] = [r0, i0, 0, 0];
      for (let m = 1; m <= half; m++) {
        const angle = (j * m) % radix;
        evenR += cos[angle]! * sumR[m]!;
        evenI += cos[angle]! * sumI[m]!;
        oddR += sin[angle]! * differenceR[m]!;
        oddI += sin[angle]! * differenceI[m]!;
      }
      r[j] = evenR - oddI;
      i[j] = evenI + oddR;
      r[radix - j] = evenR + oddI;
      i[radix - j] = evenI - oddR;
    }
  };
}

/**
 * A pass of the transform: [l1, radix * ido] values become [radix, l1, ido]. Each row is half-complex: of frequency 0 the real part, of each
 * further one the real and the imaginary part, and of the last one of an even row the real part alone.
 */
interface Pass {
  readonly radix: number;
  readonly l1: number;
  readonly ido: number;
  readonly butterfly: Butterfly;
  /** By how much value j of frequency f is turned, [radix, frequencies, (cos, sin)]. */
  readonly rotations: Float64Array;
}

/** 4 as often as it divides n, then 2, which comes first, then the odd factors. */
function radicesOf(n: number): number[] {
  const radices: number[] = [];
  let rest = n;
  for (; rest % 4 === 0; rest /= 4) radices.push(4);
  if (rest % 2 === 0) {
    rest /= 2;
    radices.push(2);
    [radices[0], radices[radices.length - 1]] = [2, radices[0]!];
  }
  for (let radix = 3; rest > 1; radix += 2) {
    for (; rest % radix === 0; rest /= radix) radices.push(radix);
  }
  return radices;
}

const frequenciesOf = (length: number): number => Math.floor(length / 2) + 1;

function passesOf(n: number): Pass[] {
  const rotation = rotationsOf(n);
  let l1 = 1;
  return radicesOf(n).map((radix) => {
    const ido = n / (l1 * radix);
    const frequencies = frequenciesOf(ido);
    const rotations = new Float64Array(radix * frequencies * 2);
    for (let j = 0; j < radix; j++) {
      for (let f = 0; f < frequencies; f++) {
        // Only 2 and 4 leave even rows, whose last frequency is turned by j / (2 radix).
        const turn = 2 * f === ido ? EIGHTHS[(4 * j) / radix]! : rotation((j * f * l1) % n);
        rotations.set(turn, 2 * (j * frequencies + f));
      }
    }
    const butterfly = radix === 2 ? butterfly2 : radix === 4 ? butterfly4 : oddButterfly(radix);
    const pass = { radix, l1, ido, butterfly, rotations };
    l1 *= radix;
    return pass;
  });
}

/** Runs a pass from x to y. */
function run({ radix, l1, ido, butterfly, rotations }: Pass, x: Float64Array, y: Float64Array): void {
  const [r, i] = [new Float64Array(radix), new Float64Array(radix)];
  const length = radix * ido;
  const frequencies = frequenciesOf(ido);
  for (let k = 0; k < l1; k++) {
    for (let f = 0; f < frequencies; f++) {
      for (let m = 0; m < radix; m++) {
        const frequency = f + m * ido;
        // Beyond the middle of a row of real numbers are the conjugates of what is before it.
        const mirrored = 2 * frequency > length;
        const own = mirrored ? length - frequency : frequency;
        const imaginary = own === 0 || 2 * own === length ? 0 : x[k * length + 2 * own]!;
        r[m] = x[k * length + Math.max(0, 2 * own - 1)]!;
        i[m] = mirrored ? -imaginary : imaginary;
      }
      butterfly(r, i);
      for (let j = 0; j < radix; j++) {
        const at = 2 * (j * frequencies + f);
        const [cos, sin] = [rotations[at]!, rotations[at + 1]!];
        const row = ido * (k + l1 * j);
        y[row + Math.max(0, 2 * f - 1)] = cos * r[j]! - sin * i[j]!;
        if (f > 0 && 2 * f < ido) y[row + 2 * f] = cos * i[j]! + sin * r[j]!;
      }
    }
  }
}

const transforms = new Map<number, Transform>();

/**
 * The cosine transform (DCT-II) of n values in place: `y[k] = 2 sum x[j] cos(pi k (2 j + 1) / (2 n))`. In float64, with SciPy's rounding to
 * the bit where n has no other prime factors than 2, 3 and 5.
 */
export function cosineTransform(n: number): Transform {
  const transform = transforms.get(n) ?? makeTransform(n);
  transforms.set(n, transform);
  return transform;
}

function makeTransform(n: number): Transform {
  const passes = passesOf(n);
  const rotation = rotationsOf(4 * n);
  const cosines = Float64Array.from({ length: n }, (_, k) => rotation(k)[0]);
  let spare: Float64Array = new Float64Array(n);
  const half = Math.ceil(n / 2);
  return (values) => {
    values[0]! *= 2;
    if (n % 2 === 0) values[n - 1]! *= 2;
    for (let k = 1; k < n - 1; k += 2) {
      const [a, b] = [values[k]!, values[k + 1]!];
      values[k] = b + a;
      values[k + 1] = b - a;
    }
    let x: Float64Array = values;
    for (const pass of passes) {
      run(pass, x, spare);
      [x, spare] = [spare, x];
    }
    if (x !== values) {
      values.set(x);
      spare = x;
    }
    for (let k = 1; k < half; k++) {
      const mirrored = n - k;
      const [a, b] = [values[k]!, values[mirrored]!];
      const [cos, sin] = [cosines[k]!, cosines[mirrored]!];
      const sum = cos * b + sin * a;
      const difference = cos * a - sin * b;
      values[k] = 0.5 * (sum + difference);
      values[mirrored] = 0.5 * (sum - difference);
    }
    if (n % 2 === 0) values[half]! *= cosines[half]!;
  };
}
