/** What a page that the studio gives away needs of the library, as one file: take-away/fovea.js. */
export { openGpu } from 'fovea';
export { imageFromBytes } from 'fovea/data';
export { colorAt, detectionOverlay, drawOverlay } from 'fovea/draw';
export { openModel } from 'fovea/open';
