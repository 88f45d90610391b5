/** Sounds as images: mel spectrograms. */

export { type MelImage, type MelImagesOptions, melImages } from './melImages.ts';
export { hzToMel, type MelScale, melToHz } from './melScale.ts';
export { type AmplitudeToDBOptions, amplitudeToDB, MelSpectrogram } from './melSpectrogram.ts';
export { resample } from './resample.ts';
export type { AudioPadMode, MelSettings, MelSpectrogramOptions, WindowName } from './spectrogramOptions.ts';
export { decodeWav, isWav, type Sound, toMono } from './wav.ts';
