export * from './fpn.ts';
export * from './preprocess.ts';
export * from './resnet.ts';
export * from './retinanet.ts';
export * from './unet.ts';
