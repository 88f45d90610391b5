// The statistics that drivers give of a pipeline, under the same names for all of them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readListing } from './listing.mjs';

/**
 * @typedef {object} Pipeline
 * @property {string} tag Case, strategy, number of the dispatch and shader: `matmul/tile128x128/0/gemm_gpu.wgsl`.
 * @property {number} registers Of 32 bits per invocation; on Apple's GPUs of 16 bits, on Adreno of four times 32.
 * @property {number} spills Registers that go to memory.
 * @property {number} scratch Bytes of memory of an invocation's own.
 * @property {number} waves Subgroups that a part of the GPU holds at a time, as the driver counts them.
 * @property {number} instructions
 * @property {import('./listing.mjs').Listing} [listing]
 */

/** @type {Readonly<Record<string, readonly string[]>>} */
const NAMES = {
  registers: ['VGPRs', 'Number of GPRs', 'GPRs', 'Registers used'],
  spills: ['Spilled VGPRs', 'Spills to memory', 'Spills', 'STP Count'],
  scratch: ['Scratch size', 'SLM size', 'Scratch', 'LDP Count'],
  waves: ['Subgroups per SIMD', 'Max warps/SM', 'Threads', 'Max Waves Per Core'],
  instructions: ['Instructions', 'Instruction count', 'Instruction Count'],
};

/**
 * @param {Readonly<Record<string, unknown>>} given
 * @returns {Pipeline}
 */
function pipelineOf(given) {
  const values = Object.entries(NAMES).map(([name, theirs]) => {
    const found = theirs.find((one) => one in given);
    if (found === undefined) throw new Error(`${given.tag}: the driver gives no ${name}`);
    return [name, Number(given[found])];
  });
  return /** @type {Pipeline} */ ({ tag: given.tag, ...Object.fromEntries(values) });
}

/**
 * @param {string} driver
 * @param {string} statistics The file that the layer has written.
 * @param {string} listings The folder of the machine code.
 * @returns {Pipeline[]}
 */
export function readStatistics(driver, statistics, listings) {
  const files = readdirSync(listings);
  return (
    readFileSync(statistics, 'utf8')
      .split('\n')
      // The last line may be cut off where a driver crashes.
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line))
      .filter(({ tag }) => tag !== 'probe')
      .map((given) => {
        const pipeline = pipelineOf(given);
        if (driver !== 'nouveau' && driver !== 'radeon') return pipeline;
        const start = `${pipeline.tag.replaceAll('/', '_')}.`;
        const file = files.find((name) => name.startsWith(start) && /assembly/i.test(name));
        if (!file) throw new Error(`${pipeline.tag}: ${listings} has no listing of it`);
        return { ...pipeline, listing: readListing(driver, readFileSync(path.join(listings, file), 'utf8')) };
      })
  );
}
