import { defineElementwise } from '../elementwise/elementwise.ts';

// log(1 + exp(-|x|)): the part of the logistic losses that stays finite for any x.
const LOG1P_EXP = 'log(1.0 + exp(-abs(x)))';
// 1 - p_t of the focal loss from both sigmoids, p and q, so that it keeps its digits when it is tiny. A power of 2, the
// usual one, is a product: the condition is a constant, so only one of the two is compiled.
const FOCAL = `let e = exp(-abs(x));
  let near = 1.0 / (1.0 + e);
  let far = e * near;
  let p = select(far, near, x >= V(0.0));
  let q = select(near, far, x >= V(0.0));
  let ce = max(x, V(0.0)) - x * target + log(1.0 + e);
  let miss = max(target * q + (1.0 - target) * p, V(1e-30));
  let weight = select(V(1.0), alpha * target + (1.0 - alpha) * (1.0 - target), V(alpha) >= V(0.0));
  var slope = miss;
  if (gamma != 2.0) { slope = pow(miss, V(gamma - 1.0)); }
  let power = slope * miss;`;

/**
 * Binary cross entropy of logits: `y = -(pos_weight * target * log(p) + (1 - target) * log(1 - p))` with
 * `p = sigmoid(x)`, without reduction. x: any shape; target: 0 to 1; pos_weight: weight of the positive targets, 1 for
 * none. Finite for any finite x.
 */
export const binaryCrossEntropyWithLogits = defineElementwise({
  name: 'binary_cross_entropy_with_logits',
  args: ['x', 'target', 'pos_weight'],
  wgsl: `(1.0 - target) * x + (1.0 + (pos_weight - 1.0) * target) * (${LOG1P_EXP} + max(-x, V(0.0)))`,
  backward: {
    x: 'dy * ((1.0 - target) - (1.0 + (pos_weight - 1.0) * target) / (1.0 + exp(x)))',
    target: `dy * ((pos_weight - 1.0) * (${LOG1P_EXP} + max(-x, V(0.0))) - x)`,
    pos_weight: `dy * target * (${LOG1P_EXP} + max(-x, V(0.0)))`,
  },
});

/**
 * Focal loss of logits (Lin et al. 2017, Focal loss for dense object detection, §3):
 * `y = alpha_t * (1 - p_t)^gamma * ce` without reduction, where ce is the binary cross entropy of x and target, `p_t`
 * the probability of the target, and `alpha_t` alpha for target 1 and 1 - alpha for target 0. alpha: default 0.25,
 * below 0 for no weighting; gamma: default 2.
 */
export const sigmoidFocalLoss = defineElementwise({
  name: 'sigmoid_focal_loss',
  args: ['x', 'target'],
  attrs: { alpha: 0.25, gamma: 2 },
  wgsl: `${FOCAL}\n  return weight * ce * power;`,
  backward: {
    x: `${FOCAL}\n  return dy * weight * ((p - target) * power - ce * gamma * slope * (2.0 * target - 1.0) * p * q);`,
    target: `${FOCAL}
  let turn = select(V(0.0), V(2.0 * alpha - 1.0), V(alpha) >= V(0.0));
  return dy * ((turn * ce - weight * x) * power + weight * ce * gamma * slope * (q - p));`,
  },
});

/**
 * `y = d² / (2 beta)` where |d| < beta, else `|d| - beta / 2`, with `d = x - target` (Girshick 2015, Fast R-CNN, §2.3),
 * without reduction. beta: default 1; 0 gives `l1Loss`.
 */
export const smoothL1Loss = defineElementwise({
  name: 'smooth_l1_loss',
  args: ['x', 'target'],
  attrs: { beta: 1 },
  wgsl: `let d = abs(x - target);
  return select(d - 0.5 * beta, 0.5 * d * d / max(beta, 1e-30), d < V(beta));`,
  backward: {
    x: 'let d = x - target;\n  return dy * select(sign(d), d / max(beta, 1e-30), abs(d) < V(beta));',
    target: 'let d = target - x;\n  return dy * select(sign(d), d / max(beta, 1e-30), abs(d) < V(beta));',
  },
});

/** `y = |x - target|`, without reduction. The gradient is 0 where both are equal. */
export const l1Loss = defineElementwise({
  name: 'l1_loss',
  args: ['x', 'target'],
  wgsl: 'abs(x - target)',
  backward: { x: 'dy * sign(x - target)', target: 'dy * sign(target - x)' },
});

/** `y = (x - target)²`, without reduction. */
export const mseLoss = defineElementwise({
  name: 'mse_loss',
  args: ['x', 'target'],
  wgsl: '(x - target) * (x - target)',
  backward: { x: '2.0 * dy * (x - target)', target: '2.0 * dy * (target - x)' },
});
