/** Whether equal steps of an axis are equal differences, or equal ratios. */
export type ScaleType = 'linear' | 'log';

export type Domain = readonly [from: number, to: number];

/** Places values on an axis. */
export interface Scale {
  /** The place of a value. */
  map(value: number): number;
  /** Round values in the domain, at most about so many. */
  readonly ticks: readonly number[];
}

/** 1, 2 or 5 times a power of 10: the step that cuts a length into at most `count` parts. */
function roundStep(length: number, count: number): number {
  const rough = length / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** 0.6000000000000001 is 0.6. */
const round = (value: number): number => Number(value.toPrecision(12));

const multiples = (step: number, from: number, to: number): number[] => {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => round((first + i) * step));
};

/** Powers of 10 in a domain, all or every n-th; with 2 and 5 times them where there are few. */
function logTicks([from, to]: Domain, count: number): number[] {
  const [low, high] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const inside = (value: number): boolean => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9);
  const powers = Array.from({ length: high - low + 1 }, (_, i) => Number(`1e${low + i}`));
  for (const factors of [
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 5],
    [1, 3],
  ]) {
    const all = powers.flatMap((power) => factors.map((factor) => round(factor * power))).filter(inside);
    if (all.length <= count) return all.length > 2 ? all : multiples(roundStep(to - from, count), from, to);
  }
  const whole = powers.filter(inside);
  const every = Math.ceil(whole.length / count);
  return whole.filter((power) => Math.round(Math.log10(power)) % every === 0);
}

/**
 * An axis from one place to another.
 *
 * @param type Log takes a domain above 0.
 * @param domain The values at its ends. They differ.
 * @param range The places of its ends.
 * @param count About how many ticks there are at most.
 */
export function axisScale(type: ScaleType, domain: Domain, range: Domain, count: number): Scale {
  const warp = type === 'log' ? Math.log10 : (value: number) => value;
  const [from, to] = [warp(domain[0]), warp(domain[1])];
  return {
    map: (value) => range[0] + ((warp(value) - from) / (to - from)) * (range[1] - range[0]),
    ticks:
      type === 'log'
        ? logTicks(domain, count)
        : multiples(roundStep(domain[1] - domain[0], count), domain[0], domain[1]),
  };
}

/** A linear domain extended to round values. */
export function niceDomain([from, to]: Domain, count: number): Domain {
  const step = roundStep(to - from, count);
  return [Math.floor(from / step + 1e-9) * step, Math.ceil(to / step - 1e-9) * step];
}

/** A domain around one value, for a series that never changes. */
export function domainAround(value: number): Domain {
  return value === 0 ? [0, 1] : value > 0 ? [0, value * 1.2] : [value * 1.2, 0];
}

/** Values for people: three significant digits, no exponents in the usual range. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** Values of ticks: as `formatValue`, with short exponents also where people count in powers of 10. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  const isLong = size > 0 && (size < 1e-3 || size >= 1e6);
  return isLong ? Number(value.toPrecision(3)).toExponential().replace('e+', 'e') : formatValue(value);
}
