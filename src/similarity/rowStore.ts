import { blockRows, type RowBlock, type RowSource, squaresOf } from './search.ts';
import { someRows, type Vectors } from './vectors.ts';

/** Rows in memory, in pieces that a search sends to the device as they are. */
interface Piece {
  data: Float32Array;
  squares: Float64Array;
  rows: number;
}

/** Rows that grow and shrink. */
export class RowStore {
  readonly width: number;
  readonly #size: number;
  #pieces: Piece[] = [];
  #rows = 0;

  constructor(width: number) {
    this.width = width;
    this.#size = blockRows(Number.POSITIVE_INFINITY, width);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Copies rows behind those that are there. */
  append(vectors: Vectors): void {
    for (let start = 0; start < vectors.rows; ) {
      let last = this.#pieces.at(-1);
      if (!last || last.rows === this.#size) {
        last = { data: new Float32Array(), squares: new Float64Array(), rows: 0 };
        this.#pieces.push(last);
      }
      const part = someRows(vectors, start, Math.min(this.#size - last.rows, vectors.rows - start));
      this.#reserve(last, last.rows + part.rows);
      last.data.set(part.data, last.rows * this.width);
      last.squares.set(squaresOf(part), last.rows);
      last.rows += part.rows;
      start += part.rows;
    }
    this.#rows += vectors.rows;
  }

  /** The values of a row, copied. */
  row(number: number): Float32Array {
    const piece = this.#pieces[Math.floor(number / this.#size)]!;
    const at = (number % this.#size) * this.width;
    return piece.data.slice(at, at + this.width);
  }

  /** Keeps these rows, in ascending order, and numbers them anew. A search that has begun goes on in the old ones. */
  keep(numbers: Int32Array): void {
    // Pieces before the first row that goes stay as they are.
    const gone = numbers.findIndex((number, i) => number !== i);
    const same = Math.floor((gone < 0 ? numbers.length : gone) / this.#size);
    const kept = new RowStore(this.width);
    kept.#pieces = this.#pieces.slice(0, same);
    for (let start = same * this.#size; start < numbers.length; start += this.#size) {
      kept.append(this.#gather(numbers.subarray(start, start + this.#size)));
    }
    this.#pieces = kept.#pieces;
    this.#rows = numbers.length;
  }

  /** All rows, or those of these numbers, in ascending order. */
  source(numbers?: Int32Array): RowSource {
    const { width } = this;
    const rows = numbers?.length ?? this.#rows;
    return { rows, width, blocks: (size) => (numbers ? this.#picked(size, numbers) : this.#whole(size)) };
  }

  *#whole(size: number): Generator<RowBlock, void> {
    for (const [i, { data, squares, rows }] of this.#pieces.entries()) {
      const piece: Vectors = { data, rows, width: this.width };
      for (let start = 0; start < rows; start += size) {
        const part = someRows(piece, start, Math.min(size, rows - start));
        const end = start + part.rows;
        yield { ...part, start: i * this.#size + start, squares: squares.subarray(start, end) };
      }
    }
  }

  *#picked(size: number, numbers: Int32Array): Generator<RowBlock, void> {
    for (let start = 0; start < numbers.length; start += size) {
      const some = numbers.subarray(start, start + size);
      yield { ...this.#gather(some), numbers: some, start: some[0]! };
    }
  }

  #gather(numbers: Int32Array): Vectors {
    const data = new Float32Array(numbers.length * this.width);
    for (const [i, number] of numbers.entries()) {
      const piece = this.#pieces[Math.floor(number / this.#size)]!;
      const at = (number % this.#size) * this.width;
      data.set(piece.data.subarray(at, at + this.width), i * this.width);
    }
    return { data, rows: numbers.length, width: this.width };
  }

  /** Makes room, for twice as many where there is none: a row at a time is no copy at a time. */
  #reserve(piece: Piece, rows: number): void {
    if (piece.squares.length >= rows) return;
    const room = Math.min(this.#size, Math.max(rows, 2 * piece.squares.length));
    const data = new Float32Array(room * this.width);
    const squares = new Float64Array(room);
    data.set(piece.data.subarray(0, piece.rows * this.width));
    squares.set(piece.squares.subarray(0, piece.rows));
    Object.assign(piece, { data, squares });
  }
}
