import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  mul,
  where,
} from '../../graph/functions/elementwise.ts';
import {
  isinf,
  isnan,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
} from '../../graph/functions/logical.ts';
import { cast } from '../../graph/functions/shape.ts';
import { align } from '../layout.ts';
import type { Operators } from '../operator.ts';
import { Value } from '../value.ts';
import { ofNumbers, ofPairs } from './elementwise.ts';

/** Comparison and logic: 1 and 0 of type bool. */
export const comparison: Operators = {
  And: ofPairs(logicalAnd, 'bool'),
  Equal: ofPairs(equal, 'bool'),
  Greater: ofPairs(greater, 'bool'),
  GreaterOrEqual: ofPairs(greaterEqual, 'bool'),
  IsInf: ofNumbers((x, { attrs }) => {
    const negative = attrs.int('detect_negative', 1) === 1;
    const positive = attrs.int('detect_positive', 1) === 1;
    if (!negative && !positive) return mul(isinf(x), 0);
    if (negative && positive) return isinf(x);
    return mul(isinf(x), positive ? greater(x, 0) : less(x, 0));
  }, 'bool'),
  IsNaN: ofNumbers((x) => isnan(x), 'bool'),
  Less: ofPairs(less, 'bool'),
  LessOrEqual: ofPairs(lessEqual, 'bool'),
  Not: ofNumbers((x) => logicalNot(x), 'bool'),
  Or: ofPairs(logicalOr, 'bool'),
  Where(call) {
    const values = [call.input(0), call.input(1), call.input(2)];
    const { tensors, order } = align(values);
    const [condition, a, b] = tensors as [(typeof tensors)[0], (typeof tensors)[0], (typeof tensors)[0]];
    return Value.of(values[1]!.type, where(cast(condition, a.dtype), a, b), order);
  },
  Xor: ofPairs(logicalXor, 'bool'),
};
