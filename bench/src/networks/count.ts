import { flopsOf } from '../../../src/graph/flops.ts';
import { recordSegment, zeros } from '../../../src/graph/tensor.ts';
import { numel, type Shape } from '../../../src/shape.ts';
import { FoveaLayers } from './foveaLayers.ts';
import type { Net } from './nets.ts';

/** FLOPs of a network's convolutions and matrix products, numbers of weights, and the outputs' shapes. Nothing is computed. */
export function countNet(net: Net, images: Shape): { flops: number; weights: number; outputs: Shape[] } {
  const layers = new FoveaLayers();
  layers.eval();
  const { result, segment } = recordSegment(() => net(layers, zeros(images)));
  return {
    flops: segment.nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    weights: layers.namedStates().reduce((sum, [, { spec }]) => sum + numel(spec.shape), 0),
    outputs: result.map(({ shape }) => shape),
  };
}
