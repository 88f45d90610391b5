// The page's one way to the detector, in a file of its own so that a stand-in can take its place.
export { type Detection, type Detector, loadDetector } from '../../src/tasks/infer.ts';
