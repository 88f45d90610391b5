// jax-js as the bench's page takes it, bundled by bench/run.mjs.
export * as jax from '@jax-js/jax';
export { version } from './node_modules/@jax-js/jax/package.json';
