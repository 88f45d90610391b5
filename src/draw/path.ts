import type { PlotPoint } from './points.ts';

/** Straight pieces per curve: a letter of 20 pixels shows no corners with so many. */
const PIECES = 12;

/** The points of an arc of an SVG path, without its first (SVG 2, appendix B.2.4). It is not rotated. */
function arc(
  [x1, y1]: PlotPoint,
  [rx, ry, isLarge, isSweep, x2, y2]: readonly [number, number, number, number, number, number],
): PlotPoint[] {
  const [hx, hy] = [(x1 - x2) / 2, (y1 - y2) / 2];
  // Radii that are too small for the distance grow.
  const grow = Math.max(1, Math.hypot(hx / rx, hy / ry));
  const [a, b] = [rx * grow, ry * grow];
  const [u, v] = [hx / a, hy / b];
  const offset = Math.sqrt(Math.max(0, 1 / (u * u + v * v) - 1)) * (isLarge === isSweep ? -1 : 1);
  const [cx, cy] = [(x1 + x2) / 2 + offset * a * v, (y1 + y2) / 2 - offset * b * u];
  const from = Math.atan2((y1 - cy) / b, (x1 - cx) / a);
  let sweep = Math.atan2((y2 - cy) / b, (x2 - cx) / a) - from;
  if (isSweep && sweep <= 0) sweep += 2 * Math.PI;
  if (!isSweep && sweep >= 0) sweep -= 2 * Math.PI;
  return Array.from({ length: PIECES }, (_, i) => {
    const angle = from + (sweep * (i + 1)) / PIECES;
    return [cx + a * Math.cos(angle), cy + b * Math.sin(angle)] as const;
  });
}

/** The points of a cubic Bezier curve, without its first. */
function curve(
  [x1, y1]: PlotPoint,
  [a, b, c, d, x2, y2]: readonly [number, number, number, number, number, number],
): PlotPoint[] {
  return Array.from({ length: PIECES }, (_, i) => {
    const t = (i + 1) / PIECES;
    const s = 1 - t;
    const mix = (p: number, q: number, r: number, e: number): number =>
      s * s * s * p + 3 * s * s * t * q + 3 * s * t * t * r + t * t * t * e;
    return [mix(x1, a, c, x2), mix(y1, b, d, y2)] as const;
  });
}

/**
 * The lines of an SVG path, its curves cut into straight pieces.
 *
 * @param path Of the commands M, L, H, V, C and A, all absolute, each with one set of numbers or, for C and L, several.
 */
export function flattenPath(path: string): PlotPoint[][] {
  const lines: PlotPoint[][] = [];
  for (const [, command, rest = ''] of path.matchAll(/([A-Z])([^A-Z]*)/g)) {
    const numbers = (rest.match(/-?(\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    const line = lines.at(-1) ?? [];
    const at = (): PlotPoint => line.at(-1) ?? [0, 0];
    const six = (from: number) =>
      numbers.slice(from, from + 6) as unknown as readonly [number, number, number, number, number, number];
    if (command === 'M') lines.push([[numbers[0]!, numbers[1]!]]);
    else if (command === 'L') line.push([numbers[0]!, numbers[1]!]);
    else if (command === 'H') line.push([numbers[0]!, at()[1]]);
    else if (command === 'V') line.push([at()[0], numbers[0]!]);
    else if (command === 'C') {
      for (let i = 0; i < numbers.length; i += 6) line.push(...curve(at(), six(i)));
    } else if (command === 'A') {
      const [rx, ry, , isLarge, isSweep, x, y] = numbers as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      line.push(...arc(at(), [rx, ry, isLarge, isSweep, x, y]));
    }
  }
  return lines;
}
