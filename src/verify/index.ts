/** Every kernel against its CPU reference, every gradient, on the adapter at hand; and conformance cases from files. */
export { type Case, distinct, type InputSpec, integers, normal, uniform, values } from './cases/case.ts';
export { cases } from './cases/index.ts';
export { type ConformanceFile, verifyConformance, verifyConformanceCase } from './conformance.ts';
export { type Row, type VerifyOptions, verifyCase, verifyCases } from './verify.ts';
