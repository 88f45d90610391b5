import type { Dispatch } from '../../src/kernels/kernel.ts';

/**
 * What a subgroup's matrix functions do, with 32 lanes and no matrix unit: an operand stays where it lies in shared memory,
 * and a lane computes eight neighbouring elements of a sum. Loops end at what is only known later: compilers would unroll them.
 */
const EMULATION = `
struct Left { at: u32, line: u32, by_column: bool }
struct Right { at: u32, line: u32 }
struct Sum { low: vec4f, high: vec4f }
var<private> own_lane: u32;

fn multiply_emulated(left: Left, right: Right, before: Sum) -> Sum {
  var sum = before;
  let row = own_lane / 2u;
  let column = own_lane % 2u;
  for (var k = 0u; k < min(16u, 16u * p.blocks); k++) {
    let at = select(vec2u(row, k), vec2u(k, row), left.by_column);
    let eight = tiles[left.at + at.x * left.line + at.y / 8u];
    let a = unpack2x16float(eight[at.y % 8u / 2u])[at.y % 2u];
    let b = tiles[right.at + k * right.line + column];
    sum.low += a * vec4f(unpack2x16float(b.x), unpack2x16float(b.y));
    sum.high += a * vec4f(unpack2x16float(b.z), unpack2x16float(b.w));
  }
  return sum;
}

fn store_emulated(at: u32, sum: Sum, line: u32) {
  let first = at + own_lane / 2u * line + own_lane % 2u * 2u;
  tiles[first] = bitcast<vec4u>(sum.low);
  tiles[first + 1u] = bitcast<vec4u>(sum.high);
}
`;

const SUBSTITUTES: readonly (readonly [RegExp, string])[] = [
  [/alias (Left|Right|Sum) = .*\n/g, ''],
  [/subgroupMatrixLoad<Left, col_major>\(&tiles, ([^;]*)\);/g, 'Left($1, true);'],
  [/subgroupMatrixLoad<Left, row_major>\(&tiles, ([^;]*)\);/g, 'Left($1, false);'],
  [/subgroupMatrixLoad<Right, row_major>\(&tiles, ([^;]*)\);/g, 'Right($1);'],
  [/k < DEPTH;/g, 'k < min(DEPTH, DEPTH * p.blocks);'],
  [/subgroupMatrixMultiplyAccumulate\(/g, 'multiply_emulated('],
  [/subgroupMatrixStore<row_major>\(&tiles, /g, 'store_emulated('],
  [
    / {2}@builtin\(subgroup_id\).*\n {2}@builtin\(subgroup_invocation_id\).*\n\) \{/g,
    ') {\n  let subgroup = local / 32u;\n  let lane = local % 32u;\n  own_lane = lane;',
  ],
];

/** The dispatch without matrix units, its result and bias in f32; a dispatch that uses none is only brought to f32. */
export function emulated(dispatch: Dispatch): Dispatch {
  const { enable: _, ...rest } = dispatch;
  const inFloats = (type: string): string => type.replace('f16', 'f32');
  const types = Object.entries(rest.types ?? {}).map(([name, type]) => [name, inFloats(type)]);
  let shader = rest.shader;
  for (const [pattern, text] of SUBSTITUTES) shader = shader.replace(pattern, text);
  if (shader !== rest.shader) shader += EMULATION;
  return { ...rest, shader, types: Object.fromEntries(types) };
}
