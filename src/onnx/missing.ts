import type { OnnxGraph } from './graph.ts';
import { operatorNamed } from './operators/index.ts';
import { expectNothingMissing } from './unsupported.ts';

/** Operations whose form changed before opset 7, and the first opset whose form is supported. All others are, from 1 on. */
const FIRST: Readonly<Record<string, number>> = {
  Cast: 6,
  GlobalLpPool: 2,
  LpPool: 2,
  Pad: 2,
  Reshape: 5,
  Split: 2,
  Tile: 6,
  Upsample: 7,
};

/**
 * Throws UnsupportedError that lists every operation of a graph that is missing here. The graphs of branches and loops are left
 * out: they are asked for when they are taken.
 */
export function expectOperations(graph: OnnxGraph, opset: number): void {
  const found = new Map<string, string[]>();
  for (const { op, domain, name } of graph.nodes) {
    const first = Object.hasOwn(FIRST, op) ? FIRST[op]! : 1;
    if (domain === '' && operatorNamed(op).run && opset >= first) continue;
    const own = operatorNamed(op).run ? `${op} before opset ${first}` : op;
    const operation = domain === '' ? own : `${domain}.${op}`;
    found.set(operation, [...(found.get(operation) ?? []), name]);
  }
  expectNothingMissing(found, 'operations');
}
