import type { OnnxGraph } from './graph.ts';
import { operatorNamed } from './operators/index.ts';
import { UnsupportedError } from './unsupported.ts';

const listed = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ');

/**
 * Throws UnsupportedError that lists every operation of a graph that is missing here. The graphs of branches and loops are left
 * out: they are asked for when they are taken.
 */
export function expectOperations(graph: OnnxGraph): void {
  const found = new Map<string, string[]>();
  for (const { op, domain, name } of graph.nodes) {
    if (domain === '' && operatorNamed(op).run) continue;
    const operation = domain === '' ? op : `${domain}.${op}`;
    found.set(operation, [...(found.get(operation) ?? []), name]);
  }
  if (found.size === 0) return;
  const missing = [...found].map(([operation, nodes]) => ({ operation, nodes }));
  const list = missing.map(({ operation, nodes }) => `${operation} (${listed(nodes)})`);
  throw new UnsupportedError(`operations that are not supported: ${list.join('; ')}`, missing);
}
