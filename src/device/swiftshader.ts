import { AdapterError } from '../errors.ts';
import { builtin, installedFolders } from './installed.ts';
import { unpackOnce, untar } from './unpack.ts';

/**
 * Unpacks SwiftShader (a Vulkan driver that runs on the CPU) and a Vulkan loader from the npm package
 * `@sparticuz/chromium` into the user's folder for caches, once, and returns that folder: see `unpackOnce`.
 */
export function unpackSwiftShader(): string {
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const path = builtin<typeof import('node:path')>('node:path');
  const zlib = builtin<typeof import('node:zlib')>('node:zlib');
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new AdapterError(
      `no WebGPU adapter: SwiftShader comes from npm for linux x64 only, this is ${process.platform} ${process.arch}; install a Vulkan driver`,
    );
  }
  const archive = swiftShaderArchive();
  return unpackOnce('swiftshader', [archive], () => {
    const files = untar(zlib.brotliDecompressSync(fs.readFileSync(archive)));
    return new Map([...files].map(([name, content]) => [path.basename(name), content]));
  });
}

function swiftShaderArchive(): string {
  const path = builtin<typeof import('node:path')>('node:path');
  const fs = builtin<typeof import('node:fs')>('node:fs');
  for (const folder of installedFolders('@sparticuz/chromium')) {
    const archive = path.join(folder, 'bin', 'swiftshader.tar.br');
    if (fs.existsSync(archive)) return archive;
  }
  throw new AdapterError(
    'no WebGPU adapter: there is no Vulkan driver, and SwiftShader is not installed; run "npm install @sparticuz/chromium", or install a driver',
  );
}
