import { UsageError } from '../errors.ts';
import { expectCounts } from '../nn/heeded.ts';
import { expectOneOf, objectOf } from '../options.ts';

/** Throws UsageError unless the value is a whole number of at least 1. */
export function expectCount(model: string, name: string, value: number): void {
  expectCounts(model, { [name]: value }, UsageError);
}

/** The entry of a table that an option names. Throws UsageError for a name that is not there. */
export function oneOf<Table extends object, Name extends keyof Table & string>(
  model: string,
  option: string,
  name: Name,
  table: Table,
): Table[Name] {
  expectOneOf(model, option, name, Object.keys(table));
  return table[name];
}

/**
 * The configuration of a ResNet that is given by its name or as such, changed by `change` where it is given by name. Throws
 * UsageError for anything else.
 */
export function namedConfig<Config extends object>(
  model: string,
  backbone: string | Config,
  table: Readonly<Record<string, Config>>,
  change: Partial<Config>,
): Config {
  if (typeof backbone === 'string') return { ...oneOf(model, 'backbone', backbone, table), ...change };
  return objectOf(`${model}: backbone`, backbone);
}

/** A copy of a configuration in which nothing can be changed: captured steps have read it. */
export function fixed<Config>(config: Config): Config {
  if (typeof config !== 'object' || config === null) return config;
  const copy = Array.isArray(config)
    ? config.map(fixed)
    : Object.fromEntries(Object.entries(config).map(([name, value]) => [name, fixed(value)]));
  return Object.freeze(copy) as Config;
}
