// node bundle.mjs BUNDLER ENTRY OUT: bundles an application with its defaults, and prints what it warns of, as JSON.
import path from 'node:path';

const [bundler, entry, out] = process.argv.slice(2);
/** @type {string[]} */
const warnings = [];

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const bundlers = {
  async esbuild() {
    const { build } = await import('esbuild');
    const result = await build({
      entryPoints: [entry],
      bundle: true,
      format: 'esm',
      minify: true,
      outfile: out,
      logLevel: 'silent',
    });
    warnings.push(...result.warnings.map(({ text }) => text));
  },
  async rollup() {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const bundle = await rollup({
      input: entry,
      plugins: [nodeResolve({ browser: true })],
      onwarn: ({ message }) => {
        warnings.push(message);
      },
    });
    await bundle.write({ dir: path.dirname(out), format: 'es' });
    await bundle.close();
  },
  async vite() {
    const { build, createLogger } = await import('vite');
    const warn = (/** @type {string} */ text) => {
      warnings.push(text);
    };
    await build({
      root: path.dirname(entry),
      configFile: false,
      customLogger: { ...createLogger('silent'), warn, warnOnce: warn, error: warn },
      build: {
        outDir: path.dirname(out),
        emptyOutDir: false,
        reportCompressedSize: false,
        rollupOptions: { input: entry, output: { entryFileNames: path.basename(out) } },
      },
    });
  },
  async webpack() {
    const { default: webpack } = await import('webpack');
    /** @type {import('webpack').Configuration} */
    const options = {
      mode: 'production',
      entry,
      output: { path: path.dirname(out), filename: path.basename(out) },
      // Its hints on size are not about what is bundled.
      performance: { hints: false },
    };
    const stats = await new Promise(
      (/** @type {(stats: import('webpack').Stats | undefined) => void} */ resolve, reject) => {
        webpack(options, (error, result) => (error ? reject(error) : resolve(result)));
      },
    );
    const { warnings: warned = [], errors = [] } =
      stats?.toJson({ all: false, warnings: true, errors: true }) ?? {};
    warnings.push(...[...warned, ...errors].map(({ message }) => message));
  },
};

await bundlers[bundler]();
console.log(JSON.stringify(warnings));
