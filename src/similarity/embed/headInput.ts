import { aroundForwards } from '../../nn/aroundForwards.ts';
import { Linear } from '../../nn/layers.ts';
import type { Module } from '../../nn/module.ts';

/**
 * Runs a model and returns what enters its head: the input of the linear layer whose output is the model's own, with the name of that layer; or
 * else the model's output, whatever it is.
 */
export function headInput(model: Module, run: () => unknown): { features: unknown; head?: string } {
  const names = new Map(
    [...model.namedModules()].flatMap(([name, module]) => (module instanceof Linear ? [[module, name]] : [])),
  );
  const calls: { readonly head: string; readonly input: unknown; readonly output: unknown }[] = [];
  const features = aroundForwards(
    names.keys(),
    (part, [input], forward) => {
      const output = forward();
      calls.push({ head: names.get(part)!, input, output });
      return output;
    },
    run,
  );
  const last = calls.at(-1);
  if (!last || last.output !== features) return { features };
  return { features: last.input, head: last.head };
}
