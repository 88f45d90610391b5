/**
 * Writes whole words into a buffer. Nothing where there is nothing to write: WebGPU allows an empty write, and Deno's
 * queue does not survive one.
 */
export function upload(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  data: AllowSharedBufferSource,
): void {
  if (data.byteLength > 0) device.queue.writeBuffer(buffer, offset, data as BufferSource);
}
