import { describe, expect, it } from 'vitest';
import type { Point } from '../../src/data/index.ts';
import {
  connectedComponents,
  polygonArea,
  polygonBounds,
  rasterizePolygon,
  traceContours,
} from '../../src/data/index.ts';
import { ShapeError } from '../../src/errors.ts';

/** A mask drawn as text: `#` is inside. */
function drawing(...rows: string[]): { mask: Uint8Array; width: number; height: number } {
  const mask = Uint8Array.from(rows.join(''), (char) => (char === '#' ? 1 : 0));
  return { mask, width: rows[0]!.length, height: rows.length };
}

const show = (mask: Uint8Array, width: number): string[] =>
  Array.from({ length: mask.length / width }, (_, y) =>
    [...mask.subarray(y * width, (y + 1) * width)].map((value) => (value ? '#' : '.')).join(''),
  );

function union(outlines: Point[][], width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (const outline of outlines) {
    rasterizePolygon(outline, { width, height }).forEach((value, i) => {
      mask[i]! |= value;
    });
  }
  return mask;
}

/** Deterministic numbers in [0, 1) for the random masks. */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const square: Point[] = [
  [1, 1],
  [4, 1],
  [4, 3],
  [1, 3],
];

describe('polygonArea and polygonBounds', () => {
  it('measure either way round', () => {
    expect(polygonArea(square)).toBe(6);
    expect(polygonArea([...square].reverse())).toBe(6);
    expect(polygonArea(square.slice(0, 2))).toBe(0);
    expect(polygonArea([])).toBe(0);
    expect(polygonBounds([...square, [-0.5, 9]])).toEqual([-0.5, 1, 4, 9]);
  });

  it('refuse coordinates that are not finite, and bounds of nothing', () => {
    expect(() => polygonArea([[0, Number.NaN]])).toThrow(/points\[0\] is \(0, NaN\)/);
    expect(() => polygonBounds([])).toThrow(ShapeError);
  });
});

describe('rasterizePolygon', () => {
  it('takes the pixels whose centres are inside', () => {
    expect(show(rasterizePolygon(square, { width: 5, height: 4 }), 5)).toEqual([
      '.....',
      '.###.',
      '.###.',
      '.....',
    ]);
    const shrunk: Point[] = square.map(([x, y]) => [x + 0.51, y + 0.49]);
    expect(show(rasterizePolygon(shrunk, { width: 5, height: 4 }), 5)).toEqual([
      '.....',
      '..###',
      '..###',
      '.....',
    ]);
    const triangle: Point[] = [
      [0, 0],
      [4, 0],
      [0, 4],
    ];
    expect(show(rasterizePolygon(triangle, { width: 4, height: 4 }), 4)).toEqual([
      '###.',
      '##..',
      '#...',
      '....',
    ]);
  });

  it('gives a centre on an edge to the polygon right of it, or below', () => {
    const half: Point[] = square.map(([x, y]) => [x + 0.5, y + 0.5]);
    expect(show(rasterizePolygon(half, { width: 6, height: 5 }), 6)).toEqual([
      '......',
      '.###..',
      '.###..',
      '......',
      '......',
    ]);
  });

  it('leaves no pixel out and takes none twice where triangles share edges', () => {
    const random = noise(5);
    const coordinate = () => Math.round(random.next().value * 44) / 2 - 1;
    for (let round = 0; round < 50; round++) {
      const corners: Point[] = [
        [-1, -1],
        [21, -1],
        [21, 21],
        [-1, 21],
      ];
      const middle: Point = [coordinate(), coordinate()];
      const count = new Uint8Array(400);
      corners.forEach((corner, i) => {
        rasterizePolygon([middle, corner, corners[(i + 1) % 4]!], { width: 20, height: 20 }).forEach(
          (value, pixel) => {
            count[pixel]! += value;
          },
        );
      });
      expect(count.every((value) => value === 1)).toBe(true);
    }
  });

  it('takes little memory for 200,000 points that cross each other', () => {
    const random = noise(7);
    const side = 500;
    const at = () => random.next().value * side;
    const points = Array.from({ length: 200_000 }, (): Point => [at(), at()]);
    const before = process.resourceUsage().maxRSS;
    const painted = rasterizePolygon(points, { width: side, height: side }).reduce((sum, v) => sum + v, 0);
    // Where so many edges cross, half of the pixels are inside.
    expect(painted / side ** 2).toBeCloseTo(0.5, 2);
    expect(polygonArea(points) / side ** 2).toBeCloseTo(0.5, 2);
    // In KiB. Lists of all places where an edge crosses a row took over a gigabyte.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024);
  });

  it('follows the even-odd rule', () => {
    const star: Point[] = [
      [0, 0],
      [6, 0],
      [6, 6],
      [0, 6],
      [0, 0],
      [2, 2],
      [4, 2],
      [4, 4],
      [2, 4],
      [2, 2],
    ];
    expect(show(rasterizePolygon(star, { width: 6, height: 6 }), 6)).toEqual([
      '######',
      '######',
      '##..##',
      '##..##',
      '######',
      '######',
    ]);
  });

  it('cuts off what is outside', () => {
    const huge: Point[] = [
      [-1e9, -1e9],
      [1e9, -1e9],
      [1e9, 1e9],
      [-1e9, 1e9],
    ];
    expect(rasterizePolygon(huge, { width: 3, height: 2 })).toEqual(new Uint8Array(6).fill(1));
    expect(rasterizePolygon(square, { width: 1, height: 1 })).toEqual(new Uint8Array(1));
    expect(rasterizePolygon(square, { width: 0, height: 7 })).toEqual(new Uint8Array(0));
    expect(rasterizePolygon(square.slice(0, 2), { width: 2, height: 2 })).toEqual(new Uint8Array(4));
  });

  it('refuses what is not finite, and sizes that are not whole', () => {
    expect(() =>
      rasterizePolygon(
        [
          [0, 0],
          [Infinity, 1],
          [1, 1],
        ],
        { width: 4, height: 4 },
      ),
    ).toThrow(/points\[1\]/);
    expect(() => rasterizePolygon(square, { width: 2.5, height: 4 })).toThrow(/2\.5x4/);
    expect(() => rasterizePolygon(square, { width: -1, height: 4 })).toThrow(ShapeError);
  });

  it('comes close to the area of a circle', () => {
    const circle = Array.from({ length: 256 }, (_, i): Point => {
      const angle = (i * Math.PI) / 128;
      return [50 + 40 * Math.cos(angle), 50 + 40 * Math.sin(angle)];
    });
    const pixels = rasterizePolygon(circle, { width: 100, height: 100 }).reduce(
      (sum, value) => sum + value,
      0,
    );
    expect(Math.abs(pixels - polygonArea(circle))).toBeLessThan(40);
  });
});

describe('connectedComponents', () => {
  it('joins by edges, not by corners, and numbers by first pixel', () => {
    const { mask, width, height } = drawing('..#.#', '#.###', '##...', '..#.#');
    const { labels, count } = connectedComponents(mask, { width, height });
    expect(count).toBe(4);
    expect([...labels].join('')).toBe('00101201112200000304');
  });

  it('does not join the end of a row to the start of the next', () => {
    const { mask, width, height } = drawing('..#', '#..');
    expect(connectedComponents(mask, { width, height }).count).toBe(2);
  });

  it('takes any byte but 0, and empty masks', () => {
    expect(connectedComponents(Uint8Array.of(255, 7), { width: 2, height: 1 }).labels).toEqual(
      Int32Array.of(1, 1),
    );
    expect(connectedComponents(new Uint8Array(0), { width: 0, height: 5 }).count).toBe(0);
    expect(() => connectedComponents(new Uint8Array(5), { width: 2, height: 2 })).toThrow(
      /5 pixels, 2x2 needs 4/,
    );
  });

  it('fills large areas', () => {
    const size = 1500;
    expect(
      connectedComponents(new Uint8Array(size * size).fill(1), { width: size, height: size }).count,
    ).toBe(1);
  });
});

describe('traceContours', () => {
  it('goes clockwise along pixel edges and keeps corners only', () => {
    const { mask, width, height } = drawing('....', '.##.', '.#..', '....');
    expect(traceContours(mask, { width, height })).toEqual([
      [
        [1, 1],
        [3, 1],
        [3, 2],
        [2, 2],
        [2, 3],
        [1, 3],
      ],
    ]);
  });

  it.each([
    ['a pixel', drawing('#')],
    ['pixels touching by corners', drawing('#.#', '.#.', '#.#')],
    ['a ring open at a corner', drawing('###', '#.#', '##.')],
    ['a component that passes one corner twice', drawing('.##', '#.#', '###')],
    ['components inside each other’s bays', drawing('#####', '#...#', '#.#.#', '#.#..', '#.###')],
    ['the whole mask', drawing('###', '###')],
    ['nothing', drawing('...')],
  ])('gives %s back at tolerance 0', (_, { mask, width, height }) => {
    const outlines = traceContours(mask, { width, height });
    expect(outlines.length).toBe(connectedComponents(mask, { width, height }).count);
    expect(show(union(outlines, width, height), width)).toEqual(show(mask, width));
  });

  it('gives random masks back, with holes filled', () => {
    const random = noise(1);
    for (let round = 0; round < 200; round++) {
      const [width, height] = [1 + (round % 17), 1 + (round % 11)];
      const mask = Uint8Array.from({ length: width * height }, () => (random.next().value < 0.55 ? 1 : 0));
      const outlines = traceContours(mask, { width, height });
      const { labels, count } = connectedComponents(mask, { width, height });
      expect(outlines.length).toBe(count);
      outlines.forEach((outline, i) => {
        const filled = fillHoles(labels, i + 1, width, height);
        expect(show(rasterizePolygon(outline, { width, height }), width)).toEqual(show(filled, width));
      });
    }
  });

  it('simplifies within the tolerance and never makes a component vanish', () => {
    const size = 64;
    const disk = Uint8Array.from({ length: size * size }, (_, i) =>
      Math.hypot((i % size) + 0.5 - 32, Math.floor(i / size) + 0.5 - 32) < 25 ? 1 : 0,
    );
    const exact = traceContours(disk, { width: size, height: size })[0]!;
    const simple = traceContours(disk, { width: size, height: size }, { tolerance: 1 })[0]!;
    expect(simple.length).toBeLessThan(exact.length / 3);
    const area = disk.reduce((sum, value) => sum + value, 0);
    const again = rasterizePolygon(simple, { width: size, height: size });
    const wrong = again.reduce((sum, value, i) => sum + Math.abs(value - disk[i]!), 0);
    expect(wrong / area).toBeLessThan(0.05);

    const { mask, width, height } = drawing('#.........', '..######..', '..........', '.........#');
    const outlines = traceContours(mask, { width, height }, { tolerance: 50 });
    expect(outlines.map(polygonArea)).toEqual([1, 6, 1]);
  });

  it('refuses masks of another size and negative tolerances', () => {
    expect(() => traceContours(new Uint8Array(3), { width: 2, height: 2 })).toThrow(ShapeError);
    expect(() => traceContours(new Uint8Array(4), { width: 2, height: 2 }, { tolerance: -1 })).toThrow(
      /tolerance is -1/,
    );
    expect(() =>
      traceContours(new Uint8Array(4), { width: 2, height: 2 }, { tolerance: Number.NaN }),
    ).toThrow(ShapeError);
  });
});

/** Everything that an 8-connected walk from outside the mask cannot reach around one component. */
function fillHoles(labels: Int32Array, label: number, width: number, height: number): Uint8Array {
  const filled = new Uint8Array(width * height).fill(1);
  const seen = new Set<string>();
  const queue: [number, number][] = [[-1, -1]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [x, y] = next;
    if (x < -1 || y < -1 || x > width || y > height || seen.has(`${x},${y}`)) continue;
    const inImage = x >= 0 && y >= 0 && x < width && y < height;
    if (inImage && labels[y * width + x] === label) continue;
    seen.add(`${x},${y}`);
    if (inImage) filled[y * width + x] = 0;
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) queue.push([x + dx, y + dy]);
  }
  return filled;
}
