import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CommanderError } from 'commander';
import { program } from '../../cli/src/program.ts';
import { root } from './pages.ts';

/** A line as words: quotes hold one together, brackets around what may be left out go, of `a|b` the first counts. */
export const wordsOf = (text: string): string[] =>
  [...text.replace(/[[\]]/g, ' ').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain!.split('|')[0]!,
  );

/** A command of fovea as the command line understands it. */
export interface Understood {
  readonly name: string;
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  /** Its name and the options that were given, in alphabetical order: `train --data --model --out`. */
  readonly shape: string;
}

/** A number or a file, where a page says what kind of thing goes there. */
const PLACEHOLDERS: Readonly<Record<string, string>> = { N: '2', SCORE: '0.5' };

/**
 * Parses the words after `fovea` with the real command line, whose actions are left out. A `…` or
 * `--help` among them, or `partial`, stands for what else the command needs. Throws what commander says.
 */
export function understand(words: readonly string[], partial = false): Understood {
  const given = words
    .filter((word) => word !== '…' && word !== '--help')
    .map((word) => PLACEHOLDERS[word] ?? word);
  const open = partial || given.length < words.length;
  const first = given[0] ?? '';
  const group = program.commands.find((one) => one.name() === first);
  // `weights show` is a command of the group `weights`.
  const inner = group?.commands.find((one) => one.name() === given[1]);
  if (group && group.commands.length > 0 && !inner)
    throw new Error(`fovea ${first} has no command "${given[1]}"`);
  const command = inner ?? group;
  if (!command) throw new Error(`fovea has no command "${first}"`);
  const name = inner ? `${first} ${inner.name()}` : first;
  let said = '';
  const saved = command.options.map(({ mandatory }) => mandatory);
  const required = command.registeredArguments.map((argument) => argument.required);
  command.exitOverride().configureOutput({ writeErr: (text) => (said += text), writeOut: () => {} });
  if (open) {
    for (const option of command.options) option.mandatory = false;
    for (const argument of command.registeredArguments) argument.required = false;
  }
  try {
    // Parsing alone: the command's own parser, without the program's, which would run the action.
    const { operands, unknown } = command.parseOptions(given.slice(inner ? 2 : 1));
    if (unknown.length > 0) throw new Error(`fovea ${name} has no option ${unknown[0]}`);
    const missing = command.options.find(
      (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
    );
    if (missing) throw new Error(`fovea ${name} needs ${missing.flags}`);
    const least = command.registeredArguments.filter((argument) => argument.required).length;
    const most = command.registeredArguments.some((argument) => argument.variadic)
      ? Number.POSITIVE_INFINITY
      : command.registeredArguments.length;
    if (operands.length < least || operands.length > most) {
      throw new Error(`fovea ${name} takes ${command.usage()}, not ${operands.length} operands`);
    }
    const options = command.opts();
    const flags = command.options
      .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
      .map((option) => option.long!);
    return { name, operands, options: { ...options }, shape: [name, ...flags.sort()].join(' ') };
  } catch (error) {
    throw error instanceof CommanderError ? new Error(said.trim() || error.message) : error;
  } finally {
    for (const [i, option] of command.options.entries()) {
      option.mandatory = saved[i]!;
      command.setOptionValueWithSource(option.attributeName(), option.defaultValue, undefined);
    }
    for (const [i, argument] of command.registeredArguments.entries()) argument.required = required[i]!;
  }
}

const { scripts, devDependencies, workspaces } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
) as {
  scripts: Record<string, string>;
  devDependencies: Record<string, string>;
  workspaces: string[];
};

/** The sources in which the options of a script of package.json are. */
const OPTION_SOURCES: Readonly<Record<string, readonly string[]>> = {
  bench: ['bench/run.mjs', 'bench/src/main.ts'],
  'bench:gpu': ['bench/host/pack.mjs', 'bench/src/main.ts', 'bench/host/run.mjs'],
  fuzz: ['scripts/fuzz.mjs'],
  'gpu:compile': ['bench/offline/run.mjs'],
};

const optionsIn = (words: readonly string[]): string[] =>
  words
    .filter((word) => word.startsWith('--') && word.length > 2)
    .map((word) => word.slice(2).split('=')[0]!);

function unknownOption(words: readonly string[], sources: readonly string[]): string | undefined {
  const text = sources.map((file) => readFileSync(path.join(root, file), 'utf8')).join('\n');
  const unknown = optionsIn(words).find(
    (option) => !new RegExp(`['"\`\\s-]?${option}['"\`:\\s=]`).test(text),
  );
  return unknown && `${sources.join(', ')} know no --${unknown}`;
}

/** What is wrong with a command that is not fovea's; undefined where nothing is. */
export function problemOfOther(words: readonly string[]): string | undefined {
  const [tool, ...rest] = words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)));
  if (tool === 'npm') return problemOfNpm(rest);
  if (tool === 'npx') {
    const [name, ...args] = rest;
    if (!existsSync(path.join(root, 'node_modules/.bin', name!))) return `npx: ${name} is not installed`;
    const file = args.find((arg) => /\.(ts|mjs)$/.test(arg));
    return file && !existsSync(path.join(root, file)) ? `${file} is not there` : undefined;
  }
  if (tool === 'node') {
    const file = rest.find((arg) => !arg.startsWith('-'));
    if (!file || !existsSync(path.join(root, file))) return `${file} is not there`;
    return unknownOption(rest.slice(rest.indexOf(file)), [file]);
  }
  // .gpu-host is packed from bench/host.
  if (tool === 'bash') return unknownOption(rest, ['bench/host/run.sh', 'bench/host/run.mjs']);
  return ['cd', 'mkdir', 'tar', 'git', 'docker', 'export'].includes(tool!)
    ? undefined
    : `${tool} is unknown here`;
}

function problemOfNpm([verb, ...rest]: readonly string[]): string | undefined {
  if (verb === 'test' || verb === 'run') {
    const name = verb === 'test' ? 'test' : rest[0]!;
    if (!scripts[name]) return `package.json has no script "${name}"`;
    const args = rest.slice(rest.indexOf('--') + 1);
    if (!rest.includes('--') || optionsIn(args).length === 0) return undefined;
    const sources = OPTION_SOURCES[name];
    return sources
      ? unknownOption(args, sources)
      : `npm run ${name}: its options have no place in OPTION_SOURCES`;
  }
  if (verb === 'pack' && rest[0] === '--workspace') {
    const names = workspaces.map(
      (folder) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')).name,
    );
    const unknown = rest.find((word) => !word.startsWith('--') && !names.includes(word));
    return unknown && `there is no workspace ${unknown}`;
  }
  // A version that is named is the one that is tried here.
  for (const [, name, wanted] of rest.join(' ').matchAll(/(@?[\w/-]+)@(\d[\d.]*)/g)) {
    const installed = devDependencies[name!];
    if (installed && !installed.startsWith(wanted!))
      return `${name} is ${installed} in package.json, not ${wanted}`;
  }
  return ['ci', 'install', 'pack'].includes(verb!) ? undefined : `npm ${verb} is unknown here`;
}
