import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { unpackOnce, untar } from '../../src/device/unpack.ts';

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
 * Unpacks the Chromium of the npm package `@sparticuz/chromium` into the user's folder for caches, once: see `unpackOnce`.
 * The package's own `executablePath()` leaves its libraries (NSS, expat) packed unless it runs on Amazon
 * Linux, and takes any /tmp/chromium for its own, even one that is half written.
 */
export function unpackBrowser(): UnpackedBrowser {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const bin = path.join(entry.slice(0, entry.lastIndexOf(`${path.sep}build${path.sep}`)), 'bin');
  const archives = ['chromium.br', ...ARCHIVES].map((name) => path.join(bin, name));
  const folder = unpackOnce('chromium', archives, (place) => {
    const [chrome, ...others] = archives.map((file) => brotliDecompressSync(readFileSync(file)));
    return new Map<string, Uint8Array | string>([
      ['chromium', chrome!],
      ...others.flatMap((archive) => [...untar(archive)]),
      // The package's own fonts.conf names /tmp/fonts.
      [
        'fonts.conf',
        `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${place}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${place}-fonts-cache</cachedir></fontconfig>\n`,
      ],
    ]);
  });
  return {
    folder,
    executable: path.join(folder, 'chromium'),
    environment: {
      LD_LIBRARY_PATH: path.join(folder, 'lib'),
      FONTCONFIG_FILE: path.join(folder, 'fonts.conf'),
    },
  };
}

/** Starts it, with further flags, and a profile of its own that Playwright throws away at the end. */
export function launchBrowser(...more: readonly string[]): Promise<Browser> {
  const { executable, environment } = unpackBrowser();
  return chromium.launch({
    executablePath: executable,
    args: [...FLAGS, ...more],
    env: { ...(process.env as Record<string, string>), ...environment },
  });
}

/** Opens a page that waits for as long as it takes: the time limit of the test catches what hangs. */
export async function openPage(browser: Browser | BrowserContext): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  return page;
}

/**
 * A script for a page: a module of this repository, or the text of one that imports from it, with all that it imports.
 *
 * @param globalName The global that has what it exports.
 */
export async function bundleForPage(
  entry: { readonly file: string } | { readonly text: string },
  globalName?: string,
): Promise<string> {
  const { outputFiles } = await build({
    ...('file' in entry
      ? { entryPoints: [entry.file] }
      : {
          stdin: { contents: entry.text, resolveDir: path.join(import.meta.dirname, '../..'), loader: 'ts' },
        }),
    ...(globalName === undefined ? {} : { globalName }),
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    loader: { '.wgsl': 'text' },
    external: ['node:*', 'webgpu', '@sparticuz/chromium', 'koffi'],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
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
