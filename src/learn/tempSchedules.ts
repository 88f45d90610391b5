export interface OneCycleOptions {
  maxLr: number;
  steps: number;
  pctStart: number;
  div: number;
  divFinal: number;
  moms: readonly [number, number, number];
}
const cos = (a: number, b: number, t: number) => b + 0.5 * (a - b) * (1 + Math.cos(Math.PI * t));
export const oneCycle =
  ({ maxLr, steps, pctStart, div, divFinal, moms }: OneCycleOptions) =>
  (step: number) => {
    const peak = pctStart * steps - 1;
    const up = step <= peak;
    const t = up ? step / Math.max(peak, 1) : (step - peak) / Math.max(1, steps - 1 - peak);
    return up
      ? { lr: cos(maxLr / div, maxLr, t), momentum: cos(moms[0], moms[1], t) }
      : { lr: cos(maxLr, maxLr / divFinal, t), momentum: cos(moms[1], moms[2], t) };
  };
export const flatCos =
  ({ lr, steps, pctStart, divFinal }: { lr: number; steps: number; pctStart: number; divFinal: number }) =>
  (step: number) =>
    step < pctStart * steps
      ? lr
      : cos(lr, lr / divFinal, (step - pctStart * steps) / Math.max(1, steps - 1 - pctStart * steps));
