import { AdapterError } from '../errors.ts';

/** Node's own modules, asked for at run time so that a browser's bundler never sees them. */
export const builtin = <T>(name: string): T => process.getBuiltinModule(name) as T;

/**
 * Unpacks SwiftShader (a Vulkan driver that runs on the CPU) and a Vulkan loader from the npm package
 * `@sparticuz/chromium` into the folder for temporary files, once, and returns that folder.
 */
export function unpackSwiftShader(): string {
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const path = builtin<typeof import('node:path')>('node:path');
  const os = builtin<typeof import('node:os')>('node:os');
  const zlib = builtin<typeof import('node:zlib')>('node:zlib');
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new AdapterError(
      `no WebGPU adapter: SwiftShader comes from npm for linux x64 only, this is ${process.platform} ${process.arch}; install a Vulkan driver`,
    );
  }
  const archive = path.join(packageFolder(), 'bin', 'swiftshader.tar.br');
  const stamp = fs.statSync(archive);
  const folder = path.join(os.tmpdir(), `fovea-swiftshader-${process.getuid?.() ?? 0}-${stamp.size}`);
  if (fs.existsSync(path.join(folder, 'vk_swiftshader_icd.json'))) return folder;
  const partial = fs.mkdtempSync(`${folder}-`);
  untar(zlib.brotliDecompressSync(fs.readFileSync(archive)), (name, data) => {
    fs.writeFileSync(path.join(partial, path.basename(name)), data, { mode: 0o755 });
  });
  try {
    fs.renameSync(partial, folder);
  } catch {
    // Another process was first; its folder is as good.
    fs.rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

function packageFolder(): string {
  const { createRequire } = builtin<typeof import('node:module')>('node:module');
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const path = builtin<typeof import('node:path')>('node:path');
  for (const from of [import.meta.url, path.join(process.cwd(), 'package.json')]) {
    try {
      let folder = path.dirname(createRequire(from).resolve('@sparticuz/chromium'));
      // The entry point lies some folders deep, how many depends on the version.
      while (!fs.existsSync(path.join(folder, 'bin', 'swiftshader.tar.br'))) {
        const parent = path.dirname(folder);
        if (parent === folder) throw new Error('not this package');
        folder = parent;
      }
      return folder;
    } catch {
      // Look in the next place.
    }
  }
  throw new AdapterError(
    'no WebGPU adapter: there is no Vulkan driver, and SwiftShader is not installed; run "npm install --save-dev @sparticuz/chromium", or install a driver',
  );
}

/** The regular files of a tar archive (ustar; names under 100 bytes, as SwiftShader's are). */
function untar(archive: Uint8Array, visit: (name: string, data: Uint8Array) => void): void {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = archive[at + 156]!;
    if (type === 0x30 || type === 0) visit(text(at, 100), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
