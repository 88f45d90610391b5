/** Every kernel against its CPU reference, every gradient, on the adapter at hand; and conformance cases from files. */
export type { Reference } from '../reference/reference.ts';
export { type ScalarRules, scalarReferences } from '../reference/scalar.ts';
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
export { type Counts, countRows, type Row, summaryOf, type VerifyOptions } from './rows.ts';
export { type Subject, withReference } from './subject.ts';
export { validate } from './validate.ts';
export { verifyAll, verifyCase, verifyKernel, verifyOperation } from './verify.ts';
