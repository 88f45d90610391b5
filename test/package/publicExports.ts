import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** What a module exports: a name, and whether it is a value or a type only. */
export type ExportKind = 'class' | 'const' | 'function' | 'type';

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(class|const|function\*?|interface|let|type|enum) (\w+)([^\n]*)/gm;
const LIST = /^export (type )?\{([^}]*)\}(?: from '([^']+)')?;/gm;
const STAR = /^export (?:type )?\* from '([^']+)';/gm;
const IMPORT = /^import (?:type )?\{([^}]*)\} from '([^']+)';/gm;

const ARROW = /^(?::[^=]*)? = (?:async )?(?:<|\(|function\b)/;

function declarationKind(keyword: string, rest: string): ExportKind {
  if (keyword === 'class') return 'class';
  if (keyword.startsWith('function')) return 'function';
  if (keyword === 'interface' || keyword === 'type') return 'type';
  return ARROW.test(rest) ? 'function' : 'const';
}

/** `a`, `a as b` and `type a` of a list in braces. */
function listedNames(list: string): { local: string; name: string; isType: boolean }[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const [, isType, local, renamed] = /^(type )?(\w+)(?: as (\w+))?$/.exec(item) ?? [];
      if (local === undefined) throw new Error(`exports: cannot read "${item}"`);
      return { local, name: renamed ?? local, isType: isType !== undefined };
    });
}

const known = new Map<string, Promise<Map<string, ExportKind>>>();

/**
 * The exports of a TypeScript module by name, those of other modules that it re-exports included. Reads declarations that
 * begin a line, which is how Biome formats them.
 */
export function exportsOf(file: string): Promise<Map<string, ExportKind>> {
  const read = known.get(file) ?? readExports(file);
  known.set(file, read);
  return read;
}

async function readExports(file: string): Promise<Map<string, ExportKind>> {
  const text = await readFile(file, 'utf8');
  const found = new Map<string, ExportKind>();
  const moduleAt = (specifier: string) => exportsOf(path.join(path.dirname(file), specifier));
  for (const [, specifier] of text.matchAll(STAR)) {
    for (const [name, kind] of await moduleAt(specifier!)) found.set(name, kind);
  }
  for (const [, keyword, name, rest] of text.matchAll(DECLARATION)) {
    found.set(name!, declarationKind(keyword!, rest!));
  }
  const imported = new Map(
    [...text.matchAll(IMPORT)].flatMap(([, list, specifier]) =>
      listedNames(list!).map(({ local, name }) => [name, { local, specifier: specifier! }] as const),
    ),
  );
  for (const [, typesOnly, list, from] of text.matchAll(LIST)) {
    for (const { local, name, isType } of listedNames(list!)) {
      const origin = from === undefined ? imported.get(local) : { local, specifier: from };
      if (origin === undefined)
        throw new Error(`${file}: ${local} is neither imported nor exported where it is declared`);
      const kind = (await moduleAt(origin.specifier)).get(origin.local);
      if (kind === undefined) throw new Error(`${file}: ${origin.specifier} does not export ${origin.local}`);
      found.set(name, typesOnly || isType ? 'type' : kind);
    }
  }
  return found;
}
