import { concat } from '../../graph/functions/shape.ts';
import { full } from '../../graph/tensor.ts';
import { dtypeOf } from '../dataTypes.ts';
import type { Call, Operators, Outputs, Recording } from '../operator.ts';
import { Value } from '../value.ts';

/** More rounds than this are not recorded. */
const MOST_ROUNDS = 10_000;

const flag = (value: boolean): Value =>
  Value.constant({ type: 'bool', shape: [], data: Int32Array.of(Number(value)) });

const counter = (i: number): Value => Value.constant({ type: 'int64', shape: [], data: Float64Array.of(i) });

function* branch(call: Call): Recording<Outputs> {
  const taken = call.number(0) !== 0 ? 'then_branch' : 'else_branch';
  return yield* call.runGraph(call.attrs.graph(taken), []);
}

/** Values of each round, one after the other along a new first dimension. */
function stacked(
  call: Call,
  parts: readonly Value[],
  like: { type: Value['type']; shape: readonly (number | string | null)[] | undefined },
): Value {
  const [first] = parts;
  if (!first) {
    const shape = (like.shape ?? []).map((size) => (typeof size === 'number' ? size : 0));
    return Value.of(like.type, full([0, ...shape], 0, dtypeOf(like.type, call.node.label)));
  }
  const rows = parts.map((part) => part.tensor().reshape([1, ...part.shape]));
  return Value.of(first.type, concat(rows, 0));
}

/** Records the body of a loop as often as it runs. */
function* loop(call: Call): Recording<Outputs> {
  const body = call.attrs.graph('body');
  const trips = call.inputs[0] ? call.number(0) : Number.POSITIVE_INFINITY;
  let goesOn = call.inputs[1] ? call.number(1) !== 0 : true;
  let carried = call.inputs.slice(2).flatMap((value) => value ?? []);
  const kept = body.outputs.slice(1 + carried.length).map((): Value[] => []);
  for (let i = 0; i < trips && goesOn; i++) {
    if (i === MOST_ROUNDS) call.refuse(`of more than ${MOST_ROUNDS} rounds is not supported`);
    const [condition, ...values] = yield* call.runGraph(body, [counter(i), flag(true), ...carried]);
    if (!condition) return call.damaged('its body has no condition among its outputs');
    if (!condition.constant) yield { label: call.node.label, values: [condition] };
    goesOn = condition.constant?.data[0] !== 0;
    carried = values.slice(0, carried.length);
    kept.forEach((list, k) => {
      list.push(values[carried.length + k]!);
    });
  }
  const scans = kept.map((list, k) => stacked(call, list, body.outputs[1 + carried.length + k]!));
  return [...carried, ...scans];
}

/** Branches and loops: resolved while recording, by conditions that are known. */
export const control: Operators = {
  If: { known: [0], run: branch },
  Loop: {
    known: [0, 1],
    run(call) {
      // Optional inputs in front may be left out; those after are carried.
      const rest = call.inputs.slice(2);
      if (rest.includes(undefined)) call.damaged('it lacks a value that it carries');
      return loop(call);
    },
  },
};
