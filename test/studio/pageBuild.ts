/** Pages of tests, built as the studio is. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import config from '../../web/vite.config.ts';

const pages = path.join(import.meta.dirname, 'pages');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Where the pages are: an origin with a secure connection, without a server. */
export const ORIGIN = 'http://localhost/';

/** Builds `pages/NAME.html` into a new folder, whose path it returns. */
export async function buildPage(name: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), `fovea-${name}-`));
  await build({
    ...config,
    root: pages,
    configFile: false,
    logLevel: 'error',
    build: {
      ...config.build,
      outDir: folder,
      sourcemap: false,
      rolldownOptions: {
        ...config.build?.rolldownOptions,
        input: { [name]: path.join(pages, `${name}.html`) },
      },
    },
  });
  return folder;
}

/** Answers requests from a folder, also those of workers in a context. */
export const serveFolder = (to: Page | BrowserContext, folder: string): Promise<unknown> =>
  to.route(`${ORIGIN}**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const body = readFileSync(path.join(folder, pathname));
    return route.fulfill({ contentType: TYPES[path.extname(pathname)]!, body });
  });
