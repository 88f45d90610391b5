// A GPU tells WebGPU nothing of its size. An H200 has 132 multiprocessors, small ones 16: with more than there are
// tiles get smaller than they need be, with less some of a large GPU is idle.
export const MULTIPROCESSORS = 128;
/** Cycles from one dispatch to the next that depends on it. */
export const DISPATCH = 8000;
/** Floats that memory moves in a cycle, for all multiprocessors. */
export const FLOATS = 600;
