import type { Picture } from './model.ts';

export const lacksHash = ({ hash }: Picture): boolean => hash === undefined;
export const lacksCounts = ({ objects, classes }: Picture): boolean => objects > 0 && classes === undefined;

/** Whether a picture lacks what those have that are added now: an older studio or a project file brought it. */
export const isBehind = (picture: Picture): boolean => lacksHash(picture) || lacksCounts(picture);
