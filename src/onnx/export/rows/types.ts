import type { Kernel } from '../../../kernels/kernel.ts';
import type { kernels, OpName } from '../../../kernels/ops.ts';
import type { Row } from '../call.ts';

/** The complete attributes of an operation. */
type AttrsOf<K extends OpName> =
  (typeof kernels)[K] extends Kernel<infer _I, infer _O, infer _Y, infer A, infer _G> ? A : never;

/** How operations are written, by name. `null`: there is no ONNX form. */
export type Rows<K extends OpName> = { readonly [P in K]: Row<AttrsOf<P>> | null };

/** The operations that compute gradients: nothing that is exported needs them. */
export type GradientName = Extract<OpName, `${string}_backward${string}`>;
