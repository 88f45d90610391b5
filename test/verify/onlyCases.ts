/** The operations that CASES names, and their gradients: CASES=roi_align,nms npx vitest run test/verify. Without it: all. */
const names = process.env.CASES?.split(',');

export const isAsked = (op: string): boolean =>
  names === undefined || names.some((name) => op === name || op.startsWith(`${name}_backward`));
