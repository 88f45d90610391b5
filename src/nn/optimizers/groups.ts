import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { Parameter } from '../module.ts';
import { expectSetting } from './settings.ts';

/** Parameters with settings of their own, as an optimizer takes them: PyTorch's parameter groups. */
export interface ParameterGroup {
  /** What is trained. */
  readonly parameters: readonly Parameter[];
  /** What it is called, such as `backbone`. Default: its number, from 0. */
  readonly name?: string;
  /** The group's learning rate is the optimizer's times this, at least 0. Default 1. */
  readonly lrMult?: number;
  /** Its learning rate, in place of `lrMult`: at least 0. It becomes `lrMult`, this divided by the optimizer's. */
  readonly lr?: number;
  /** Its weight decay, at least 0. Default: the optimizer's. */
  readonly weightDecay?: number;
}

/** A group of an optimizer's parameters. */
export class OptimizerGroup {
  readonly name: string;
  /** Its parameters, each once. */
  readonly parameters: readonly Parameter[];
  /** The weight decay of those that decay. */
  readonly weightDecay: number;
  readonly #optimizer: { readonly lr: number };
  #lrMult = 1;

  /** @hidden */
  constructor(
    optimizer: { readonly lr: number; readonly weightDecay: number },
    group: ParameterGroup,
    number: number,
  ) {
    this.#optimizer = optimizer;
    const call = `${optimizer.constructor.name}: group ${number}`;
    const { parameters, name, lrMult, lr, weightDecay } = withDefaults(call, group, {
      parameters: group.parameters,
      name: String(number),
      lrMult: undefined,
      lr: undefined,
      weightDecay: optimizer.weightDecay,
    });
    expectSetting(call, { weightDecay });
    if (lr !== undefined && lrMult !== undefined) {
      throw new UsageError(`${call}: has lr ${lr} and lrMult ${lrMult}; give one of them`);
    }
    // Modules that share a parameter list it twice.
    this.parameters = [...new Set(parameters)];
    this.name = name;
    this.weightDecay = weightDecay;
    if (lr === undefined) this.lrMult = lrMult ?? 1;
    else this.lr = lr;
  }

  /** The group's learning rate is the optimizer's times this, at least 0. Throws UsageError for anything else. */
  get lrMult(): number {
    return this.#lrMult;
  }

  set lrMult(lrMult: number) {
    expectSetting(`${this.#optimizer.constructor.name}: group ${this.name}`, { lrMult });
    this.#lrMult = lrMult;
  }

  /**
   * The learning rate of the next step: `optimizer.lr * lrMult`. Setting it sets `lrMult`, which needs an optimizer with a
   * rate above 0; throws UsageError for others, and for less than 0.
   */
  get lr(): number {
    return this.#optimizer.lr * this.#lrMult;
  }

  set lr(lr: number) {
    const { lr: whole } = this.#optimizer;
    expectSetting(`${this.#optimizer.constructor.name}: group ${this.name}`, {
      [`lr ${lr} / ${whole}`]: lr / whole,
    });
    this.#lrMult = lr / whole;
  }
}

/**
 * The groups of a list of parameters, which is one group, or of a list of groups. Throws UsageError for anything else, for
 * no parameter, and for one in two groups.
 */
export function groupsOf(
  optimizer: { readonly lr: number; readonly weightDecay: number },
  given: readonly Parameter[] | readonly ParameterGroup[],
): readonly OptimizerGroup[] {
  const { name } = optimizer.constructor;
  const areParameters = (list: unknown): list is readonly Parameter[] =>
    Array.isArray(list) && list.every((one) => one instanceof Parameter);
  const list: readonly ParameterGroup[] = areParameters(given) ? [{ parameters: given }] : given;
  if (!Array.isArray(list) || !list.every((group) => areParameters(group?.parameters))) {
    throw new UsageError(
      `${name}: takes a list of parameters; pass model.parameters(), or groups as { parameters, lrMult }`,
    );
  }
  const groups = list.map((group, i) => new OptimizerGroup(optimizer, group, i));
  const all = groups.flatMap(({ parameters }) => parameters);
  if (!all.length) throw new UsageError(`${name}: no parameters; pass model.parameters()`);
  if (new Set(all).size < all.length) {
    throw new UsageError(`${name}: a parameter is in two groups; give it to one only`);
  }
  if (all.some(({ state }) => state.home)) {
    throw new UsageError(`${name}: a parameter belongs to another optimizer already; give it to one only`);
  }
  return groups;
}
