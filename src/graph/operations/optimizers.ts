import { emaStep as emaStepKernel } from '../../kernels/optimizers/ema.ts';
import * as kernels from '../../kernels/optimizers/optimizers.ts';
import { pack as packKernel } from '../../kernels/optimizers/pack.ts';
import { defineOperation } from '../operation.ts';

export const pack = defineOperation({ kernel: packKernel, gradient: null });
export const sgdStep = defineOperation({ kernel: kernels.sgdStep, gradient: null });
export const adamwStep = defineOperation({ kernel: kernels.adamwStep, gradient: null });
export const rmspropStep = defineOperation({ kernel: kernels.rmspropStep, gradient: null });
export const rmspropCenteredStep = defineOperation({ kernel: kernels.rmspropCenteredStep, gradient: null });
export const lionStep = defineOperation({ kernel: kernels.lionStep, gradient: null });
export const emaStep = defineOperation({ kernel: emaStepKernel, gradient: null });
