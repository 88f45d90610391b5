// The page's one way to the detector, in a file of its own so that a stand-in can take its place. What reads models of others is
// loaded with the first of them.
export type { Detection, ObjectDetector } from '../../src/tasks/infer.ts';
export { openModel } from '../../src/tasks/openModel.ts';
