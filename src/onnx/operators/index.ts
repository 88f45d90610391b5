import { type Operator, type Operators, operatorOf } from '../operator.ts';
import { activations } from './activations.ts';
import { arithmetic } from './arithmetic.ts';
import { casting } from './casting.ts';
import { comparison } from './comparison.ts';
import { control } from './control.ts';
import { convolution } from './convolution.ts';
import { creation } from './creation.ts';
import { indexing } from './indexing.ts';
import { losses } from './losses.ts';
import { normalization } from './normalization.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { quantization } from './quantization.ts';
import { reduction } from './reduction.ts';
import { resizing } from './resize.ts';
import { shapes } from './shapes.ts';
import { spatial } from './spatial.ts';
import { suppression } from './suppression.ts';
import { trigonometry } from './trigonometry.ts';
import { uniqueness } from './unique.ts';

/** Every operation of ONNX that there is, by its name. */
export const operators: Operators = {
  ...activations,
  ...arithmetic,
  ...casting,
  ...comparison,
  ...creation,
  ...indexing,
  ...trigonometry,
  ...convolution,
  ...normalization,
  ...pooling,
  ...products,
  ...reduction,
  ...resizing,
  ...control,
  ...losses,
  ...quantization,
  ...spatial,
  ...suppression,
  ...uniqueness,
  ...shapes,
};

/** The operation of a name; of one that there is none of, nothing. */
export const operatorNamed = (name: string): Partial<Operator> =>
  Object.hasOwn(operators, name) ? operatorOf(operators[name]!) : {};
