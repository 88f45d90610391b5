// WebGPU's flag values, as the specification numbers them. Node has no globals of these names, and Fovea
// adds none.
export const BufferUsage = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
} as const;

export const MAP_READ_MODE = 1;
export const COMPUTE_STAGE = 4;
