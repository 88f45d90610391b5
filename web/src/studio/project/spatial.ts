/** A uniform grid over a picture: which objects are near a place, without looking at all of them. */
import type { Box } from './model.ts';

/** Cells to a side. 5,000 objects that are spread evenly are about one to a cell. */
const CELLS = 64;

interface Entry {
  readonly bounds: Box;
  /** Cells: first and last column, first and last row. */
  readonly cells: readonly [number, number, number, number];
}

export class SpatialGrid {
  readonly #cellWidth: number;
  readonly #cellHeight: number;
  readonly #cells: (Set<string> | undefined)[] = new Array(CELLS * CELLS);
  readonly #entries = new Map<string, Entry>();

  constructor(width: number, height: number) {
    this.#cellWidth = Math.max(width, 1) / CELLS;
    this.#cellHeight = Math.max(height, 1) / CELLS;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Puts an object in, or to where it is now. */
  set(id: string, bounds: Box): void {
    this.delete(id);
    const cells = this.#cellsOf(bounds);
    this.#entries.set(id, { bounds, cells });
    this.#each(cells, (index) => {
      let cell = this.#cells[index];
      if (!cell) {
        cell = new Set();
        this.#cells[index] = cell;
      }
      cell.add(id);
    });
  }

  delete(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#each(entry.cells, (index) => this.#cells[index]!.delete(id));
  }

  /** The objects whose bounds meet a box, borders included, each once. */
  query(box: Box): Set<string> {
    const found = new Set<string>();
    this.#each(this.#cellsOf(box), (index) => {
      for (const id of this.#cells[index] ?? []) {
        if (!found.has(id) && meet(this.#entries.get(id)!.bounds, box)) found.add(id);
      }
    });
    return found;
  }

  /** What lies beyond the picture is in the cells at its border. */
  #cellsOf([x1, y1, x2, y2]: Box): readonly [number, number, number, number] {
    const at = (value: number, size: number) => Math.min(Math.max(Math.floor(value / size), 0), CELLS - 1);
    return [
      at(x1, this.#cellWidth),
      at(x2, this.#cellWidth),
      at(y1, this.#cellHeight),
      at(y2, this.#cellHeight),
    ];
  }

  #each([left, right, top, bottom]: Entry['cells'], visit: (index: number) => void): void {
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) visit(row * CELLS + column);
    }
  }
}

const meet = (a: Box, b: Box): boolean => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
