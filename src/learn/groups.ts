import { shownValue } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { Module, type Parameter } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';

/** Parameters that are frozen and given a learning rate together. */
export interface LayerGroup {
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

/** A model whose parts cannot be told by their names. */
interface Grouped {
  layerGroups(): LayerGroup[];
}

const hasGroups = (model: Module): model is Module & Grouped =>
  'layerGroups' in model && typeof model.layerGroups === 'function';

/** What models call the part that others have trained. */
const BODIES = ['backbone', 'encoder', 'features', 'body'];

/**
 * Splits a model into layer groups, from the input to the output: the two halves of its body and its head, as fastai does. The
 * body is the part called backbone, encoder, features or body, with the fields before it, such as a stem; of other models everything but the
 * last part. A model of one part is one group. A model with a method `layerGroups` splits itself.
 */
export function layerGroups(model: Module): LayerGroup[] {
  if (!(model instanceof Module)) {
    throw new UsageError(`layerGroups: takes a model, got ${shownValue(model)}; give a Module of fovea/nn`);
  }
  if (hasGroups(model)) return model.layerGroups();
  const named = [...model.namedParameters()];
  const part = (name: string, level: number) =>
    name
      .split('.')
      .slice(0, level + 1)
      .join('.');
  const parts = [...new Set(named.map(([name]) => part(name, 0)))];
  const body = parts.find((name) => BODIES.includes(name));
  const bodyParts = parts.slice(0, body === undefined ? -1 : parts.indexOf(body) + 1);
  const inBody = (name: string) => bodyParts.includes(part(name, 0));
  // A stem before the body has no say in where the body's halves are.
  const inStem = (name: string) => body !== undefined && inBody(name) && part(name, 0) !== body;
  const bodyNames = named.map(([name]) => name).filter((name) => inBody(name) && !inStem(name));
  // The first level at which the body has several parts.
  let level = 0;
  const partsAt = () => [...new Set(bodyNames.map((name) => part(name, level)))];
  const deepest = Math.max(0, ...bodyNames.map((name) => name.split('.').length)) - 1;
  while (partsAt().length === 1 && level < deepest) level++;
  const stages = partsAt();
  const first = new Set(stages.slice(0, Math.ceil(stages.length / 2)));
  const isEarly = (name: string) => inStem(name) || first.has(part(name, level));
  const groups = [
    { name: 'body.0', has: (name: string) => inBody(name) && isEarly(name) },
    { name: 'body.1', has: (name: string) => inBody(name) && !isEarly(name) },
    { name: 'head', has: (name: string) => !inBody(name) },
  ];
  return groups.flatMap(({ name, has }) => {
    const parameters = [...new Set(named.filter(([full]) => has(full)).map(([, parameter]) => parameter))];
    return parameters.length > 0 ? [{ name, parameters }] : [];
  });
}

/** Throws UsageError unless each parameter of a model is in just one group, and each group has one. */
export function expectGroups(model: Module, groups: readonly LayerGroup[]): void {
  const listed = groups.flatMap(({ parameters }) => parameters);
  const all = new Set(model.parameters());
  const stray = listed.find((parameter) => !all.has(parameter));
  const empty = groups.findIndex(({ parameters }) => parameters.length === 0);
  const problem = stray
    ? 'has a parameter that is none of the model'
    : empty >= 0
      ? `number ${empty} has no parameter`
      : new Set(listed).size < listed.length
        ? 'has a parameter twice'
        : new Set(listed).size < all.size
          ? `leaves out ${all.size - new Set(listed).size} of ${all.size} parameters`
          : undefined;
  if (problem) throw new UsageError(`Learner: groups: ${problem}; put each parameter into one group`);
}

/** Trains the groups from the n-th on, and freezes those before it. */
export function freezeGroups(groups: readonly LayerGroup[], n: number): void {
  if (!Number.isInteger(n) || n < 0 || n >= groups.length) {
    throw new UsageError(
      `freezeTo: ${n}; there are ${groups.length} groups (${groups.map(({ name }) => name).join(', ')}): give the number of the first one to train, from 0 to ${groups.length - 1}`,
    );
  }
  groups.forEach(({ parameters }, i) => {
    for (const parameter of parameters) parameter.requiresGrad = i >= n;
  });
}

/** Switches a model to training, but for the batch norms that are frozen: they use their running statistics, and keep them. */
export function trainMode(model: Module): void {
  for (const module of model.modules()) {
    const own = module instanceof BatchNorm2d ? module.parameters() : [];
    module.training = own.length === 0 || own.some(({ requiresGrad }) => requiresGrad);
  }
}
