import type { PyramidLevels } from '../../kernels/levels.ts';
import type { Call } from './call.ts';

/** Computes each level of a feature pyramid x [N,C,1,P] by itself, as an image [N,C,h,w], and joins the results likewise. */
export function perLevel(
  call: Call,
  x: string,
  levels: PyramidLevels,
  of: (image: string) => string,
): string {
  const { writer } = call;
  let end = 0;
  const parts = levels.map(([h, w]) => {
    const first = end;
    end += h * w;
    const image = writer.reshape(call.slice(x, 3, first, end), [0, 0, h, w]);
    return writer.reshape(of(image), [0, 0, 1, h * w]);
  });
  return writer.node('Concat', parts, { axis: 3 });
}
