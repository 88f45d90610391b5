import { UsageError } from '../errors.ts';
import type { Module, Parameter } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';

/** A pattern of names as an expression: `*` is any text, `?` any character. */
const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('')
      .map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[\\^$.|+()[\]{}]/, '\\$&')))
      .join('')}$`,
  );

/**
 * Takes the parameters that patterns name out of a training, and sets their batch norms to evaluation, so that their running
 * statistics stay too.
 *
 * @param model The model, in training.
 * @param patterns Patterns of full names, such as `backbone.*`: `*` is any text, dots included, `?` any character.
 * @returns The parameters that are left, which an optimizer is given.
 * @throws UsageError for a pattern that names nothing, and where nothing is left to train.
 */
export function freeze(model: Module, patterns: readonly string[]): Parameter[] {
  const states = model.namedStates().map(([name]) => name);
  const tests = patterns.map(matcher);
  patterns.forEach((pattern, i) => {
    if (states.some((name) => tests[i]!.test(name))) return;
    const parts = [...new Set(states.map((name) => `${name.split('.').slice(0, 2).join('.')}.*`))];
    throw new UsageError(
      `freeze: no parameter is called ${pattern}; there are ${parts.slice(0, 12).join(', ')}${parts.length > 12 ? ' …' : ''}`,
    );
  });
  const frozen = (name: string): boolean => tests.some((test) => test.test(name));
  for (const [name, module] of model.namedModules()) {
    if (module instanceof BatchNorm2d && frozen(`${name}.weight`)) module.training = false;
  }
  const named = [...model.namedParameters()];
  const left = named.filter(([name]) => !frozen(name)).map(([, parameter]) => parameter);
  if (left.length === 0) {
    throw new UsageError(`freeze: ${patterns.join(', ')} leave no parameter to train; leave one of them out`);
  }
  for (const [name, parameter] of named) if (frozen(name)) parameter.requiresGrad = false;
  return left;
}
