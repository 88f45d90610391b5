// What the machine code of a pipeline says: how much of its hottest block multiplies, how wide it loads, and whether it waits for
// loads before it multiplies. For NVK's and RADV's listings; the other drivers' have statistics only.

/**
 * @typedef {object} Listing
 * @property {number} multiplies Multiply-adds, or products of matrix units, in the block that has most of them.
 * @property {number} instructions All instructions of that block.
 * @property {boolean} matrix Whether they are products of matrix units.
 * @property {number} wide Loads from storage of 8 bytes or more per lane, up to the end of that block: what comes after it loads a
 *   bias.
 * @property {number} narrow Those of 4 bytes or less.
 * @property {number} waits Waits for such loads between them and the block, by which a prefetch is in vain. NVK's listing
 *   is not searched for them: 0.
 */

const DIALECTS = {
  nouveau: {
    block: /^block/m,
    instruction: /\/\/ delay=/,
    multiply: /\bffma\b|\bhfma2\b/,
    matrix: /\bhmma\b/,
    wide: /\bld\.global\S*\.b(64|128)\b/,
    narrow: /\bld\.global\S*\.[bu](8|16|32)\b/,
  },
  radeon: {
    block: /^BB\d+:/m,
    instruction: /^\t[a-z]/,
    multiply: /\bv_(dual_)?(fma|fmac|mac|mad|pk_fma)_f(16|32)/,
    matrix: /\bv_wmma/,
    wide: /\b(buffer|global)_load_(b64|b96|b128|dwordx[234])\b/,
    narrow: /\b(buffer|global)_load_(b32|dword(?!x)|u8|u16|d16|ubyte|ushort|short)/,
  },
};

/**
 * @param {keyof typeof DIALECTS} driver
 * @param {string} text
 * @returns {Listing}
 */
export function readListing(driver, text) {
  const dialect = DIALECTS[driver];
  const matrix = dialect.matrix.test(text);
  const wanted = matrix ? dialect.matrix : dialect.multiply;
  let hottest = { multiplies: 0, instructions: 0 };
  /** @type {string[]} */
  let before = [];
  /** @type {string[]} */
  const lines = [];
  for (const block of text.split(dialect.block)) {
    lines.push(...block.split('\n'));
    const instructions = block.split('\n').filter((line) => dialect.instruction.test(line));
    const multiplies = instructions.filter((line) => wanted.test(line)).length;
    if (multiplies <= hottest.multiplies) continue;
    hottest = { multiplies, instructions: instructions.length };
    before = [...lines];
  }
  const loads = (/** @type {RegExp} */ pattern) => before.filter((line) => pattern.test(line)).length;
  const waits = driver === 'radeon' ? waitsBefore(text.split('\n'), dialect.wide, wanted) : 0;
  return { ...hottest, matrix, wide: loads(dialect.wide), narrow: loads(dialect.narrow), waits };
}

/**
 * Waits for wide loads between the loads of a step and its first multiply, for a wave whose lanes all take the same branches.
 * `vmcnt(n)` waits until n loads are on their way: for nothing where no more were issued since the last barrier.
 *
 * @param {readonly string[]} lines
 * @param {RegExp} load
 * @param {RegExp} multiply
 */
function waitsBefore(lines, load, multiply) {
  let [issued, beside, found, waits] = [0, 0, 0, 0];
  let [multiplied, branched] = [false, false];
  /** Where a branch that no lane takes leads to, and how many loads were issued before it. @type {Map<string, number>} */
  const skipped = new Map();
  for (const line of lines) {
    const [, left] = /s_waitcnt.*vmcnt\((\d+)\)/.exec(line) ?? [];
    const [, label] = /^(BB\d+):/.exec(line) ?? [];
    const [, target] = /s_cbranch_execz (BB\d+)/.exec(line) ?? [];
    if (load.test(line)) issued++;
    else if (target) skipped.set(target, issued);
    else if (label && !branched) {
      // What follows is either the other branch, which begins with the loads before both, or what comes after them.
      [issued, beside] = skipped.has(label)
        ? [skipped.get(label) ?? 0, Math.max(issued, beside)]
        : [Math.max(issued, beside), 0];
    } else if (left !== undefined && issued > Number(left)) {
      if (!multiplied) found++;
      issued = Number(left);
    } else if (/\bs_barrier\b/.test(line)) [issued, beside, found, multiplied] = [0, 0, 0, false];
    else if (multiply.test(line)) {
      waits += found;
      [issued, beside] = [Math.max(issued, beside), 0];
      [found, multiplied] = [0, true];
    }
    if (line.startsWith('\t') || label) branched = target !== undefined;
  }
  return waits;
}
