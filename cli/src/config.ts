// Options from a file: every long option by its name, as on the command line. What is given there wins.
import path from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { DataError, UsageError } from 'fovea';
import { parse, stringify } from 'smol-toml';
import { didYouMean } from './didYouMean.ts';
import { readInput } from './files.ts';

/** Options by their long names without the dashes, as a file has them. */
export type Config = Readonly<Record<string, unknown>>;

interface Parser {
  readonly format: string;
  parse(text: string): unknown;
}

const PARSERS: ReadonlyMap<string, Parser> = new Map([
  ['.json', { format: 'JSON', parse: (text: string): unknown => JSON.parse(text) }],
  ['.toml', { format: 'TOML', parse: (text: string): unknown => parse(text) }],
]);

const isObject = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a file is JSON or TOML by its name. */
export const isStructured = (file: string): boolean => PARSERS.has(path.extname(file).toLowerCase());

/** Reads a TOML or JSON file. Throws DataError for one that cannot be read. */
export async function readStructured(
  file: string,
): Promise<{ readonly format: string; readonly value: unknown }> {
  const { format, parse: parsed } = PARSERS.get(path.extname(file).toLowerCase())!;
  const text = new TextDecoder().decode(await readInput(file));
  try {
    return { format, value: parsed(text) };
  } catch (cause) {
    const { message, line, column } = cause as Error & { readonly line?: number; readonly column?: number };
    const [problem] = message.split('\n');
    // JSON's own messages have the place.
    const place = line === undefined ? '' : `, line ${line}, column ${column}`;
    throw new DataError(`${file}: is not ${format} (${problem}${place}); correct it`, { cause });
  }
}

/**
 * Reads an object from a TOML or JSON file.
 *
 * @param option What names the file, for messages: `--config`.
 * @throws UsageError for a file of another name, DataError for one that cannot be read or holds no object.
 */
export async function readTable(file: string, option: string): Promise<Config> {
  if (!isStructured(file)) throw new UsageError(`${option} ${file}: give a .toml or .json file`);
  const { value } = await readStructured(file);
  if (isObject(value)) return value;
  throw new DataError(`${file}: holds no names with values; write an object, such as { "epochs": 10 }`);
}

/** Options of which only one counts: one on the command line replaces the others in a file. */
const RIVALS: readonly (readonly string[])[] = [
  ['epochs', 'steps'],
  ['model', 'task'],
];

/** Options that a file does not set: they are about files, not about the training. */
const ONLY_GIVEN: readonly string[] = ['config', 'resume', 'force', 'until'];
/** Options that take a table or a list of tables in a file. */
const TABLES: readonly string[] = ['augment', 'class-weights'];

const nameOf = (option: Option): string => option.long!.replace(/^--/, '');

/** The value of an option, as the command line would have parsed it. Throws DataError for one that it would refuse. */
function parsedValue(option: Option, value: unknown, where: string): unknown {
  const refuse = (what: string) =>
    new DataError(`${where} is ${JSON.stringify(value)}; ${what.replace(/\.$/, '')}`);
  if (value === null) throw refuse('give a value, or leave it out');
  if (TABLES.includes(nameOf(option)) && typeof value === 'object') return value;
  const isFlag = option.isBoolean() || option.optional;
  if (isFlag && typeof value === 'boolean') return value;
  if (option.isBoolean()) throw refuse('give true or false');
  const parsed = (one: unknown, before?: unknown): unknown => {
    if (!['string', 'number'].includes(typeof one)) throw refuse(`give what ${option.flags} takes`);
    try {
      return option.parseArg ? option.parseArg(String(one), before as never) : String(one);
    } catch (error) {
      if (error instanceof InvalidArgumentError) throw refuse(error.message);
      throw error;
    }
  };
  if (!Array.isArray(value)) return parsed(value);
  if (REPEATED.includes(nameOf(option))) {
    return value.reduce<unknown>((before, one) => parsed(one, before), undefined);
  }
  return parsed(value.join(','));
}

/** Options that may be given several times. */
const REPEATED: readonly string[] = ['freeze'];

/** The long names of a command's options. */
export const optionNames = (command: Command): string[] => command.options.map(nameOf);

/**
 * Sets the options of a command that the file of `--config` names, where the command line does not.
 *
 * @param others Options of other commands, which are passed over. Default: none.
 * @throws UsageError for an option that there is not, and names the nearest one; DataError for a value that it does not take.
 */
export async function applyConfig(command: Command, others: readonly string[] = []): Promise<void> {
  const file: unknown = command.getOptionValue('config');
  if (typeof file === 'string') applyTable(command, await readTable(file, '--config'), file, others);
}

/** The same of a table that was read. */
export function applyTable(
  command: Command,
  config: Config,
  file: string,
  others: readonly string[] = [],
): void {
  const options = new Map(
    command.options
      .filter((option) => !option.negate && !ONLY_GIVEN.includes(nameOf(option)))
      .map((option) => [nameOf(option), option] as const),
  );
  const isGiven = (name: string): boolean => {
    const option = options.get(name);
    return option !== undefined && command.getOptionValueSource(option.attributeName()) === 'cli';
  };
  for (const [name, value] of Object.entries(config)) {
    const option = options.get(name);
    if (!option && others.includes(name)) continue;
    if (!option) {
      throw new UsageError(
        `${file}: ${name} is no option of fovea ${command.name()} that a file can set${didYouMean(name, [...options.keys()]) || `; fovea ${command.name()} --help has all`}`,
      );
    }
    const rivals = RIVALS.find((names) => names.includes(name)) ?? [name];
    if (isGiven(name) || rivals.some(isGiven)) continue;
    command.setOptionValueWithSource(
      option.attributeName(),
      parsedValue(option, value, `${file}: ${name}`),
      'config',
    );
  }
}

/** Options as the text of a file that `--config` takes. */
export function configText(config: Config, format: 'toml' | 'json'): string {
  // What is undefined is left out.
  const plain: Config = JSON.parse(JSON.stringify(config));
  return format === 'json' ? `${JSON.stringify(plain, undefined, 2)}\n` : `${stringify(plain).trimEnd()}\n`;
}
