// The page's one way to the detector, in a file of its own so that a stand-in can take its place. What reads models of others is
// loaded with the first of them.

export { openModel } from '../../src/open/openModel.ts';
export type { Detection, ObjectDetector } from '../../src/tasks/infer.ts';
