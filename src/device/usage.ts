// WebGPU's flag values, as the specification numbers them. Node has no globals of these names, and Fovea
// adds none.
export const UNIFORM = 0x0040;
export const STORAGE = 0x0080;
export const COPY_DST = 0x0008;

export const BufferUsage = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST,
  UNIFORM,
  STORAGE,
  QUERY_RESOLVE: 0x0200,
} as const;

export const MAP_READ_MODE = 1;
export const COMPUTE_STAGE = 4;

export const TextureUsage = {
  COPY_SRC: 0x01,
  COPY_DST: 0x02,
  TEXTURE_BINDING: 0x04,
  RENDER_ATTACHMENT: 0x10,
} as const;
