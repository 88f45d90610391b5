import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { evaluate, toReference } from '../../src/graph/evaluate.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { isFloatType } from '../../src/onnx/dataTypes.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { randomOf } from '../../src/verify/cases/case.ts';
import { checkGradient } from '../../src/verify/gradcheck.ts';
import { type Case, caseBytes, valuesTensor } from './models.ts';

const cases = JSON.parse(
  readFileSync(new URL('../fixtures/onnx.json', import.meta.url), 'utf8'),
) as readonly Case[];

/** Steps, choices and casts: no gradient goes through. */
const FLAT = [
  'Cast',
  'CastLike',
  'Ceil',
  'EyeLike',
  'Floor',
  'Hardmax',
  'Round',
  'Sign',
  'Unique',
  'IsNaN',
  'IsInf',
];

/** Regions get no gradient, as in torchvision. */
const REGIONS = ['MaxRoiPool', 'RoiAlign'];

const differentiable = cases.filter(
  ({ op, inputs, outputs }) =>
    !FLAT.includes(op) &&
    isFloatType(outputs[0]!.type) &&
    inputs.some((values) => values && !values.known && isFloatType(values.type)),
);

describe('gradients of ONNX’s operations', () => {
  it.each(
    differentiable.map(
      (one, i) => [`${one.op} ${JSON.stringify(one.attributes)} opset ${one.opset} (${i})`, one] as const,
    ),
  )('%s agree with finite differences', (name, one) => {
    const inputs = Object.fromEntries(
      one.inputs.flatMap((values, i) => {
        if (!values || values.known) return [];
        const own = valuesTensor(values);
        if (!isFloatType(values.type) || (i > 0 && REGIONS.includes(one.op))) return [[`x${i}`, own]];
        return [
          [`x${i}`, tensor(Float32Array.from(values.data, Number), values.shape, { requiresGrad: true })],
        ];
      }),
    );
    const y = loadOnnx(caseBytes(one)).forward(inputs).y0!;
    const random = randomOf(name);
    const cotangent = tensor(
      Float32Array.from({ length: y.size }, () => random() - 0.5),
      y.shape,
    );
    const tracked = Object.entries(inputs).filter(([, value]) => value.requiresGrad);
    const grads = grad(
      [y],
      tracked.map(([, value]) => value),
      [cotangent],
    );
    const [weights, ...analytic] = evaluate([cotangent, ...grads]);
    tracked.forEach(([input, value], k) => {
      const { origin } = value;
      if (origin.kind !== 'constant') throw new TypeError('inputs of cases are constants');
      const result = checkGradient({
        input,
        center: toReference(origin.data),
        gradient: analytic[k]!,
        seed: name,
        at: (values) => [{ values: evaluate([y], new Map([[value, values]]))[0]!, weights: weights! }],
      });
      expect(result.message).toBe('');
    });
  });
});
