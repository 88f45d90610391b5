// What `npm run gpu:compile` demands of pipelines, and how they are compared with the results in the repository.

/** @typedef {import('./statistics.mjs').Pipeline} Pipeline */

/** Share of multiplies in the hottest block. @param {Pipeline} pipeline */
export const shareOf = ({ listing }) =>
  listing?.instructions ? listing.multiplies / listing.instructions : 0;

const isProduct = (/** @type {Pipeline} */ { tag }) => /\/gemm_(gpu|matrix)\.wgsl$/.test(tag);

/**
 * What a pipeline breaks of the rules that hold for all results, in words.
 *
 * @param {string} target
 * @param {Pipeline} pipeline
 * @param {boolean} checked Whether Dawn checks the bounds of arrays.
 * @returns {string[]}
 */
export function brokenRules(target, pipeline, checked) {
  const { tag, spills, scratch, listing } = pipeline;
  const [, strategy = ''] = tag.split('/');
  const f16 = tag.includes('_f16/');
  const broken = [];
  if (spills > 0) broken.push(`${spills} spilled registers`);
  else if (scratch > 0) broken.push(`${scratch} bytes of scratch memory`);
  if (!listing || !isProduct(pipeline)) return broken;
  const share = shareOf(pipeline);
  const percent = `${Math.round(100 * share)} %`;
  // Four lines of either operand. NVK checks each element of a vector by itself.
  const splits = checked && target !== 'navi31' && target !== 'vega10';
  if (listing.wide < 8 && !splits) broken.push(`${listing.wide} wide loads, not 8`);
  if (listing.waits > 0 && /128x|64x64/.test(strategy)) {
    broken.push(`${listing.waits} waits between loads and multiplies`);
  }
  if (target !== 'hopper') return broken;
  // A distance subtracts for each multiply.
  if (/^tile(128x128|64x64)$/.test(strategy) && !f16 && !tag.startsWith('cdist/')) {
    const least = checked ? 0.7 : 0.85;
    if (share < least) broken.push(`multiplies are ${percent} of the hottest block, not ${100 * least} %`);
  }
  if (strategy.startsWith('matrix') && !checked && share < 0.35) {
    broken.push(`products of matrix units are ${percent} of the hottest block, not 35 %`);
  }
  return broken;
}

/**
 * What has become worse since a result in the repository, in words.
 *
 * @param {Pipeline} before
 * @param {Pipeline} now
 * @returns {string[]}
 */
export function worsened(before, now) {
  const worse = [];
  for (const name of /** @type {const} */ (['spills', 'scratch'])) {
    if (now[name] > before[name]) worse.push(`${name}: ${now[name]} instead of ${before[name]}`);
  }
  if (now.waves < before.waves) worse.push(`waves: ${now.waves} instead of ${before.waves}`);
  if (now.instructions > 1.05 * before.instructions) {
    worse.push(`instructions: ${now.instructions} instead of ${before.instructions}`);
  }
  const [old, share] = [shareOf(before), shareOf(now)];
  if (share < old - 0.02) {
    worse.push(`multiplies: ${Math.round(100 * share)} % instead of ${Math.round(100 * old)} %`);
  }
  for (const name of /** @type {const} */ (['waits', 'narrow'])) {
    const [was, is] = [before.listing?.[name] ?? 0, now.listing?.[name] ?? 0];
    if (is > was) worse.push(`${name}: ${is} instead of ${was}`);
  }
  return worse;
}
