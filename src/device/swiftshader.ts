import { AdapterError } from '../errors.ts';
import { builtin, installedFolders } from './installed.ts';

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
  const archive = swiftShaderArchive();
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
