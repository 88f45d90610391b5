/** WGSL files are imported as text (esbuild's `text` loader; a plugin of the same name in vitest). */
declare module '*.wgsl' {
  const source: string;
  export default source;
}
