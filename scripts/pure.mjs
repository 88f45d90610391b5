/** Modules of kernels and operations, whose definitions have no side effects. */
export const DEFINITIONS = /[\\/]src[\\/](kernels|graph[\\/]operations)[\\/][\w\\/]+\.ts$/;

/**
 * Marks kernels and operations as free of side effects, so that bundlers drop those that nobody uses: they keep calls
 * otherwise.
 *
 * @param {string} text
 */
export const markPure = (text) =>
  text.replace(/=\s+(?=(define\w+|elementwiseOperation)\()/g, '= /* @__PURE__ */ ');
