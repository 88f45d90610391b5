import { namesIn } from './names.ts';

/** A group of a `needs:` line: names, and the sources of which any one provides them all. */
export interface Need {
  /** `header`, a snippet's file name, or the name of the TypeScript file that writes the snippet. */
  readonly sources: readonly string[];
  readonly names: readonly string[];
}

/** The comment lines that begin a file. */
const headOf = (text: string): string[] => {
  const lines = text.split('\n');
  return lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('//')),
  );
};

/**
 * The groups of a shader's `// needs:` line, which goes on in lines that are indented by three spaces or more:
 * `// needs: T, V from header; bias from bias.wgsl | bias_none.wgsl; source_at, p.M from conv_params.wgsl`.
 */
export function needsOf(text: string): Need[] {
  const head = headOf(text);
  const start = head.findIndex((line) => line.startsWith('// needs: '));
  if (start < 0) return [];
  const rest = head.slice(start + 1);
  const end = rest.findIndex((line) => !/^\/\/ {3,}/.test(line));
  const lines = [head[start]!.replace('// needs:', '//'), ...rest.slice(0, end < 0 ? rest.length : end)];
  const joined = lines.map((line) => line.replace(/^\/\/ */, '')).join(' ');
  return joined.split('; ').map((group): Need => {
    const [names, sources] = group.split(' from ');
    if (!names || !sources)
      throw new Error(`needs: cannot read "${group}"; write "name, name from source | source"`);
    return { sources: sources.split(' | '), names: names.split(', ') };
  });
}

/** How the `needs:` line of a shader differs from its code; empty where they agree. */
export function differences(text: string): string[] {
  const { used } = namesIn(text);
  const named = needsOf(text).flatMap(({ names }) => names);
  return [
    ...[...used]
      .filter((name) => !named.includes(name))
      .map((name) => `uses ${name}, which needs: does not name`),
    ...named.filter((name) => !used.has(name)).map((name) => `does not use ${name}, which needs: names`),
    ...named.filter((name, i) => named.indexOf(name) !== i).map((name) => `names ${name} twice`),
  ];
}

/** A part of a shader that is put together, as a `needs:` line calls it. */
export const sourceOf = (part: string): string =>
  /^\/\/ ([\w.]+)/.exec(part)?.[1]?.replace('fused.wgsl', 'fused.ts') ?? 'header';
