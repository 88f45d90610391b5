import type { Assembled } from '../wgsl/assemble.ts';

/** What a shader does with a buffer that it may write. */
export interface Access {
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Where the bracket that opens before `at` is closed. */
function closing(code: string, at: number): number {
  let depth = 1;
  let i = at;
  for (; i < code.length && depth > 0; i++) {
    if (code[i] === '[') depth++;
    else if (code[i] === ']') depth--;
  }
  return i;
}

/** What stands behind an element: `=` stores, `+=` and its like do both, anything else reads. */
const STORE = /^\s*(?:\.\w+\s*)?(?:([-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)/;

const known = new WeakMap<Assembled, ReadonlyMap<number, Access>>();

/** What a shader does with its buffers, by their index: from its text, which names an element wherever it loads or stores one. */
export function accessesOf(shader: Assembled): ReadonlyMap<number, Access> {
  const before = known.get(shader);
  if (before) return before;
  const code = shader.code.replace(/\/\/.*/g, '');
  const accesses = new Map<number, Access>();
  for (const { index, name, kind } of shader.bindings) {
    if (kind === 'uniform') continue;
    if (kind === 'read-only-storage') {
      accesses.set(index, { reads: true, writes: false });
      continue;
    }
    let [reads, writes] = [false, false];
    for (const match of code.matchAll(new RegExp(`(&\\s*)?\\b${name}\\s*\\[`, 'g'))) {
      const rest = code.slice(closing(code, match.index + match[0].length));
      const stored = STORE.exec(rest);
      // A pointer is for an atomic, which does both.
      if (match[1] || !stored || stored[1] || !stored[0].endsWith('=')) reads = true;
      if (match[1] || stored) writes = true;
    }
    accesses.set(index, { reads, writes });
  }
  known.set(shader, accesses);
  return accesses;
}
