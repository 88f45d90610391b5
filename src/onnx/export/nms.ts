import { UsageError } from '../../errors.ts';
import type { NmsOptions } from '../../graph/functions/boxes.ts';
import { baseOf, type Node, type Tensor } from '../../graph/tensor.ts';
import { neededNodes } from './record.ts';

/** What an object detector gives of its boxes after NMS. */
const OF_BOXES = ['boxes', 'scores', 'labels', 'count'];

/** The nodes that some nodes are needed by, themselves among them. `nodes`: in the order in which they were recorded. */
function dependants(nodes: readonly Node[], from: Node): Set<Node> {
  const found = new Set([from]);
  for (const node of nodes) {
    const needs = Object.values(node.inputs).some((input) => {
      const { origin } = baseOf(input);
      return origin.kind === 'op' && found.has(origin.node);
    });
    if (needs) found.add(node);
  }
  return found;
}

/** What the last NMS of a detector leaves out, as it is written into a file. Undefined where there is none. */
export function lastThresholds(nodes: readonly Node[]): Partial<NmsOptions> | undefined {
  const attrs: Partial<NmsOptions> | undefined = nodes.findLast(({ op }) => op === 'nms')?.attrs;
  return attrs && { scoreThreshold: attrs.scoreThreshold, iouThreshold: attrs.iouThreshold };
}

/**
 * The results of a detector before its last NMS: `boxes`, `scores` and `labels` as they go into it, and the results that do not
 * depend on it.
 */
export function beforeNms(
  results: ReadonlyMap<string, Tensor>,
  wanted: readonly string[] | undefined,
): Map<string, Tensor> {
  const nodes = neededNodes(results.values(), ({ inputs }) => Object.values(inputs));
  const last = nodes.findLast(({ op }) => op === 'nms');
  if (!last) throw new UsageError("exportOnnx: nms 'outside', but the model has no NMS; leave nms out");
  const after = dependants(nodes, last);
  const depends = (tensor: Tensor) => {
    const { origin } = baseOf(tensor);
    return origin.kind === 'op' && after.has(origin.node);
  };
  const kept = [...results].filter(([, tensor]) => !depends(tensor));
  const lost = [...results].flatMap(([name, tensor]) =>
    depends(tensor) && !OF_BOXES.includes(name) ? [name] : [],
  );
  const asked = lost.filter((name) => !wanted || wanted.includes(name));
  if (asked.length > 0) {
    throw new UsageError(
      `exportOnnx: ${asked.join(', ')} depend on NMS; use nms: 'inside', or leave them out by outputs: ['boxes', 'scores', 'labels']`,
    );
  }
  const { boxes, scores, labels } = last.inputs;
  return new Map([
    ...kept,
    ['boxes', boxes!],
    ['scores', scores!],
    ...(labels ? [['labels', labels] as const] : []),
  ]);
}
