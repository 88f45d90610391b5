/**
 * Checks of every kernel and gradient on an adapter against CPU references, and of conformance cases from files.
 *
 * @module
 */

export type { RefArray, Reference, RefInputs, RefTensor } from '../reference/reference.ts';
export {
  type ElementwiseReference,
  type ElementwiseReferences,
  type ScalarRule,
  type ScalarRules,
  scalarReferences,
} from '../reference/scalar.ts';
export {
  boxes,
  type Case,
  type CaseRow,
  distinct,
  type InputSpec,
  integers,
  normal,
  uniform,
  values,
} from './cases/case.ts';
export { cases } from './cases/index.ts';
export {
  type ConformanceCase,
  type ConformanceFile,
  readConformanceCase,
  verifyConformance,
  verifyConformanceCase,
} from './conformance.ts';
export { type ModelCase, type ModelRow, verifyModel } from './models.ts';
export {
  type Counts,
  countRows,
  type Row,
  summaryOf,
  type VerifyCasesOptions,
  type VerifyOptions,
} from './rows.ts';
export { type Subject, withReference } from './subject.ts';
export { validate } from './validate.ts';
export { verifyAll, verifyCase, verifyKernel, verifyOperation } from './verify.ts';
