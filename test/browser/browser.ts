import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/**
 * WebGPU on SwiftShader. Chromium offers it only as "unsafe": a software adapter is no default anywhere. The
 * developer features make the adapter say its name and driver; the rest keeps the browser off the network.
 */
export const FLAGS: readonly string[] = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--enable-webgpu-developer-features',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** What the package holds beside the browser: SwiftShader, the libraries that a bare Debian lacks, a font. */
const ARCHIVES = ['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br'];

export interface UnpackedBrowser {
  readonly folder: string;
  readonly executable: string;
  /** Set for the browser's process, and for `ldd` to say which library comes from where. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Unpacks the Chromium of the npm package `@sparticuz/chromium` into the folder for temporary files, once.
 * The package's own `executablePath()` leaves its libraries (NSS, expat) packed unless it runs on Amazon
 * Linux, and takes any /tmp/chromium for its own, even one that is half written.
 */
export function unpackBrowser(): UnpackedBrowser {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const bin = path.join(entry.slice(0, entry.lastIndexOf(`${path.sep}build${path.sep}`)), 'bin');
  const stamp = statSync(path.join(bin, 'chromium.br')).size;
  const folder = path.join(tmpdir(), `fovea-chromium-${process.getuid?.() ?? 0}-${stamp}`);
  if (!existsSync(folder)) {
    const partial = mkdtempSync(`${folder}-`);
    const unpack = (name: string) => brotliDecompressSync(readFileSync(path.join(bin, name)));
    writeFileSync(path.join(partial, 'chromium'), unpack('chromium.br'), { mode: 0o755 });
    for (const name of ARCHIVES) untar(unpack(name), partial);
    // The package's own fonts.conf names /tmp/fonts.
    writeFileSync(
      path.join(partial, 'fonts.conf'),
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>\n`,
    );
    try {
      renameSync(partial, folder);
    } catch {
      // Another process was first; its folder is as good.
      rmSync(partial, { recursive: true, force: true });
    }
  }
  return {
    folder,
    executable: path.join(folder, 'chromium'),
    environment: {
      LD_LIBRARY_PATH: path.join(folder, 'lib'),
      FONTCONFIG_FILE: path.join(folder, 'fonts.conf'),
    },
  };
}

/** The regular files of a tar archive (ustar; names under 100 bytes, as this package's are). */
function untar(archive: Uint8Array, folder: string): void {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = archive[at + 156]!;
    if (type === 0x30 || type === 0) {
      const file = path.join(folder, text(at, 100));
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, archive.subarray(at + 512, at + 512 + size), { mode: 0o755 });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Starts it, with a profile of its own that Playwright throws away at the end. */
export function launchBrowser(): Promise<Browser> {
  const { executable, environment } = unpackBrowser();
  return chromium.launch({
    executablePath: executable,
    args: [...FLAGS],
    env: { ...(process.env as Record<string, string>), ...environment },
  });
}

/** Opens a page that waits for as long as it takes: the time limit of the test catches what hangs. */
export async function openPage(browser: Browser | BrowserContext): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  return page;
}

export interface Served {
  readonly url: string;
  stop(): void;
}

/** Starts a script that serves on a free port and says where; `words` as on its command line. */
export function serveScript(script: string, ...words: string[]): Promise<Served> {
  const file = path.join(import.meta.dirname, '../..', script);
  const child: ChildProcess = spawn(process.execPath, [file, ...words], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Also where a test run is cut short.
  const stop = () => child.kill();
  process.once('exit', stop);
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(output)?.[0];
      if (url) resolve({ url, stop });
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('exit', (code) => reject(new Error(`${script} ended with ${code}: ${output}`)));
  });
}

/** Starts `npm run web`'s server on a free port; `weights` as on its command line. */
export const serve = (...weights: string[]): Promise<Served> => serveScript('web/serve.mjs', ...weights);
