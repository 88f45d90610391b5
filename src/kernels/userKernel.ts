import { ShapeError } from '../errors.ts';
import { didYouMean } from '../options.ts';
import type { Assembled, Field } from '../wgsl/assemble.ts';
import { type Dispatch, type KernelPlan, type Specs, shaderOf, workgroupsOf } from './dispatch.ts';
import { defineKernel as define, type KernelDescription, type PlannableKernel } from './kernel.ts';

/** The whole numbers that a field can hold; floats hold any number. */
const RANGES = { u32: [0, 2 ** 32 - 1], i32: [-(2 ** 31), 2 ** 31 - 1] } as const;

function fieldProblem({ name, type }: Field, value: unknown): string | undefined {
  if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
    return `struct Params: ${name} is ${type}; it must be u32, i32 or f32`;
  }
  if (typeof value !== 'number') return `params: ${name} is ${value}; give a number`;
  if (type === 'f32') return undefined;
  const [least, most] = RANGES[type];
  if (Number.isInteger(value) && value >= least && value <= most) return undefined;
  return `params: ${name} is ${value}, no ${type}; give a whole number from ${least} to ${most}`;
}

function paramsProblem(shader: Assembled, given: Readonly<Record<string, number>>): string | undefined {
  const names = shader.params.map(({ name }) => name);
  const stray = Object.keys(given).find((name) => !names.includes(name));
  if (stray !== undefined) {
    const hint = didYouMean(stray, names);
    return `params: struct Params has ${names.join(', ') || 'nothing'}, no ${stray}${hint}`;
  }
  for (const field of shader.params) {
    const problem = fieldProblem(field, given[field.name]);
    if (problem) return problem;
  }
  return undefined;
}

function bindingsProblem({ bindings }: Assembled, bind: Readonly<Record<string, string>>, known: string[]) {
  const names = bindings.flatMap(({ kind, name }) => (kind === 'uniform' ? [] : [name]));
  const stray = Object.keys(bind).find((name) => !names.includes(name));
  if (stray !== undefined) {
    return `bind: the shader has no variable ${stray}, only ${names.join(', ')}${didYouMean(stray, names)}`;
  }
  const lost = names.find((name) => !known.includes(bind[name] ?? name));
  if (lost === undefined) return undefined;
  const name = bind[lost] ?? lost;
  return `the variable ${lost} has no tensor ${name}; there are ${known.join(', ')}${didYouMean(name, known)}`;
}

function dispatchProblem(dispatch: Dispatch, known: string[]): string | undefined {
  const shader = shaderOf(dispatch);
  const problem =
    paramsProblem(shader, dispatch.params ?? {}) ?? bindingsProblem(shader, dispatch.bind ?? {}, known);
  if (problem) return `${shader.name}: ${problem}`;
  const groups = workgroupsOf(dispatch);
  const whole = (count: number) => Number.isInteger(count) && count >= 0;
  if (Array.isArray(groups) && groups.length === 3 && groups.every(whole)) return undefined;
  return `${shader.name}: grid is ${JSON.stringify(dispatch.grid)}; give a number of invocations, or three of workgroups`;
}

/**
 * Throws ShapeError where a plan and its shaders do not fit: parameters that `struct Params` does not have or cannot hold,
 * variables without a tensor, grids that are no numbers.
 */
export function checkPlan(op: string, plan: KernelPlan, specs: Specs, outputs: Specs): void {
  const tensors = [specs, outputs, plan.scratch ?? {}, plan.tables ?? {}].flatMap(Object.keys);
  for (const dispatch of plan.dispatches) {
    const problem = dispatchProblem(dispatch, tensors);
    if (problem) throw new ShapeError(`${op}: ${problem}`);
  }
}

/**
 * A kernel of your own, from its description. Its `plan` and `infer`, and what `apply` records of it, throw ShapeError for
 * attributes that the description does not name, and where its dispatches and their shaders do not fit: parameters that
 * `struct Params` does not have or cannot hold (a fraction or a negative number for a u32), and variables without a tensor.
 */
export const defineKernel = <
  I extends string,
  Y extends string,
  A extends object,
  O extends string = never,
  G extends object = A,
  const P extends string = never,
>(
  description: KernelDescription<I, Y, A, O, G, P>,
): PlannableKernel<I, O, Y, A, G, P> =>
  define({
    ...description,
    dispatches(caps, specs, outputs, attrs) {
      const plan = description.dispatches(caps, specs, outputs, attrs);
      checkPlan(description.name, plan, specs as Specs, outputs);
      return plan;
    },
  });
