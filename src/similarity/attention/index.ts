export {
  type AttentionMap,
  type AttentionMapsOptions,
  type AttentionRolloutOptions,
  attentionMaps,
  attentionRollout,
  type HeadFusion,
} from './maps.ts';
export { type AttentionLayer, type AttentionWeights, attentionWeights } from './weights.ts';
