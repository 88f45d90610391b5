import type { DType } from '../../../shape.ts';
import { boundsOf } from '../bounds.ts';
import type { Call, Outputs } from '../call.ts';
import { isFixed } from '../sizes.ts';
import type { Rows } from './types.ts';

/** The number of places that an index chooses among. */
function places(call: Call<object>, dim: number): number {
  const n = call.sizes('x')[dim]!;
  return isFixed(n) ? n : call.refuse('the dimension that is indexed grows with the number of images');
}

/** Which indices are none of 0..n-1, and the indices with a place of 0..n-1 instead of those. */
function checked(call: Call<object>, index: string, n: number): { inside: string | undefined; safe: string } {
  const [low, high] = boundsOf(call.input('index')) ?? [-Infinity, Infinity];
  const { writer } = call;
  const tests: string[] = [];
  if (low < 0) tests.push(writer.node('GreaterOrEqual', [index, call.number(0, 'i32')]));
  if (high >= n) tests.push(writer.node('Less', [index, call.number(n, 'i32')]));
  if (tests.length === 0) return { inside: undefined, safe: index };
  const inside = tests.length === 1 ? tests[0]! : writer.node('And', tests);
  return { inside, safe: writer.node('Where', [inside, index, call.number(0, 'i32')]) };
}

const zero = (call: Call<object>, dtype: DType): string => call.number(0, dtype);

/** x with one more place at the end of a dimension, for what belongs nowhere. */
function widened(call: Call<object>, dim: number): string {
  const x = call.input('x');
  const sides = [0, 1].flatMap((side) => x.shape.map((_, i) => (i === dim ? side : 0)));
  return call.writer.node('Pad', [call.name('x'), call.writer.ints(sides), zero(call, x.dtype)]);
}

function scattered(call: Call<{ readonly dim: number }>, reduction: 'none' | 'add'): Outputs {
  const { dim } = call.attrs;
  const { writer } = call;
  const n = places(call, dim);
  const index = call.name('index');
  if (reduction === 'add' && writer.opset < 16) call.refuse('needs opset 16');
  const attrs = { axis: dim, ...(reduction === 'add' ? { reduction } : {}) };
  const { inside } = checked(call, index, n);
  if (!inside) return { y: call.emit('ScatterElements', [call.name('x'), index, call.name('src')], attrs) };
  const safe = writer.node('Where', [inside, index, call.number(n, 'i32')]);
  const wide = writer.node('ScatterElements', [widened(call, dim), safe, call.name('src')], attrs);
  return { y: call.slice(wide, dim, 0, n) };
}

/** Reading and writing by index. */
export const indexing: Rows<'gather_rows' | 'gather' | 'scatter' | 'scatter_add' | 'one_hot'> = {
  gather_rows(call) {
    const { batchDims } = call.attrs;
    const { writer } = call;
    const { shape, dtype } = call.output();
    const { inside, safe } = checked(call, call.name('index'), places(call, batchDims));
    const rows =
      batchDims === 0
        ? call.emit('Gather', [call.name('x'), safe], { axis: 0 })
        : call.emit('GatherND', [call.name('x'), call.unsqueeze(call.cast(safe, 'int64'), [2])], {
            batch_dims: 1,
          });
    if (!inside) return { y: rows };
    const lead = batchDims + 1;
    const more = shape.slice(lead).map((_, i) => lead + i);
    const test = more.length > 0 ? call.unsqueeze(inside, more) : inside;
    return { y: writer.node('Where', [test, rows, zero(call, dtype)]) };
  },
  gather(call) {
    const { dim } = call.attrs;
    const { inside, safe } = checked(call, call.name('index'), places(call, dim));
    const found = call.emit('GatherElements', [call.name('x'), safe], { axis: dim });
    return {
      y: inside ? call.writer.node('Where', [inside, found, zero(call, call.output().dtype)]) : found,
    };
  },
  scatter: (call) => scattered(call, 'none'),
  scatter_add: (call) => scattered(call, 'add'),
  // By comparison: ONNX's OneHot counts negative labels from the end.
  one_hot(call) {
    const { numClasses } = call.attrs;
    const classes = call.numbers(
      Array.from({ length: numClasses }, (_, i) => i),
      'i32',
    );
    const equal = call.emit('Equal', [call.unsqueeze(call.name('labels'), [-1]), classes]);
    return { y: call.cast(equal, 'float') };
  },
};
