import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scene, twoFigures, writeScene } from '../tasks/scenes.ts';
import {
  documentedInstall,
  install,
  makeApplication,
  type Packed,
  packBoth,
  root,
  run,
  withoutVulkan,
} from './packed.ts';

// What somebody gets who installs the packages: from tarballs, in an empty folder, on a machine without GPU and Vulkan.

let folder: string;
let library: Packed;
let cli: Packed;
let env: NodeJS.ProcessEnv;
/** SwiftShader comes from npm for this platform only; elsewhere a driver has to be there. */
const bare = process.platform === 'linux' && process.arch === 'x64';

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-package-'));
  env = bare ? withoutVulkan(folder) : process.env;
  ({ library, cli } = await packBoth(folder));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = `
import { openGpu, relu, add, tensor } from 'fovea';
import { conv2d } from 'fovea/kernels/conv2d';

const gpu = await openGpu();
const x = tensor([-1, 2, -3, 4], [2, 2]);
const y = add(relu(x), x);
const { y: values } = await gpu.run(() => ({ y }));
const plan = conv2d.plan(gpu.device.device, { x: [1, 4, 4, 2], weight: [3, 3, 2, 3] }, { padding: 1 });
console.log(JSON.stringify({ values: [...values], shape: plan.outputs.y!.shape, software: gpu.device.adapter.software }));
plan.dispose();
gpu.dispose();
`;
const EXPECTED = { values: [-1, 4, -3, 8], shape: [1, 4, 4, 3], software: true };
const asJavaScript = PROGRAM.replaceAll('y!.shape', 'y.shape');
const printed = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1)!);

describe('both packages, installed from tarballs', () => {
  let app: string;
  const fovea = (...args: string[]) => run('npx', ['--no-install', 'fovea', ...args], app, env);

  beforeAll(async () => {
    app = makeApplication(path.join(folder, 'both'));
    await install(app, [library.tarball, cli.tarball]);
  });

  it('are one library and one command', async () => {
    expect(existsSync(path.join(app, 'node_modules/fovea/dist/index.js'))).toBe(true);
    expect(existsSync(path.join(app, 'node_modules/fovea-cli/node_modules/fovea'))).toBe(false);
    expect((await fovea('--version')).stdout.trim()).toBe('0.2.0');
    const dist = path.join(app, 'node_modules/fovea-cli/dist');
    const modules = readdirSync(dist).filter((name) => name.endsWith('.mjs'));
    const program = modules.map((name) => readFileSync(path.join(dist, name), 'utf8')).join('\n');
    expect(program).toMatch(/from "fovea\/io"/);
    expect(program).not.toMatch(/createShaderModule|class FoveaError/);
  });

  it('find an adapter where the system has none', async () => {
    const { stdout } = await fovea('info');
    expect(stdout).toMatch(bare ? /^adapter +SwiftShader/m : /^adapter +\S/m);
    expect(stdout).toMatch(/^maxBufferSize +\d+$/m);
  });

  it('train, then detect', async () => {
    const data = path.join(app, 'data');
    await writeScene(data, scene('one', twoFigures(32), 32));
    await writeScene(data, scene('two', twoFigures(48), 48));
    const size = ['--size', '32', '--crop', '32', '--batch', '2', '--width', '4'];
    const trained = await fovea(
      ...['train', '--model', 'retinanet', '--data', 'data', '--out', 'model.safetensors'],
      ...['--steps', '2', ...size],
    );
    expect(trained.stderr).toMatch(/2 images, classes ball, crate; 2 steps of 2 crops of 32x32/);
    expect(trained.stderr).toMatch(/^trained: model\.safetensors/m);
    await fovea('detect', 'model.safetensors', 'data/one.png', 'data/two.png', '--out', 'found');
    expect(readdirSync(path.join(app, 'found')).sort()).toEqual([
      'one.json',
      'one_drawn.png',
      'two.json',
      'two_drawn.png',
    ]);
    const document = JSON.parse(readFileSync(path.join(app, 'found/one.json'), 'utf8'));
    expect(document).toMatchObject({ imageWidth: 32, imageHeight: 32 });
  });

  it('have the photograph of the demo', () => {
    expect(cli.files).toContain('dist/coins/coins.json');
    expect(cli.files).toContain('dist/coins/coins.png');
  });
});

describe('the library, by the install line of the README', () => {
  let app: string;

  beforeAll(async () => {
    app = makeApplication(path.join(folder, 'library'));
    const line = documentedInstall(/@sparticuz\/chromium/);
    expect(line[0]).toBe('fovea');
    await install(app, [library.tarball, ...line.slice(1)]);
  });

  it('brings nothing of the command line', () => {
    const installed = readdirSync(path.join(app, 'node_modules'));
    expect(installed).not.toContain('sharp');
    expect(installed).not.toContain('commander');
  });

  it('runs from an ES module', async () => {
    writeFileSync(path.join(app, 'main.mjs'), asJavaScript);
    expect(printed((await run(process.execPath, ['main.mjs'], app, env)).stdout)).toEqual(EXPECTED);
  });

  it('runs from TypeScript', async () => {
    writeFileSync(path.join(app, 'typed.ts'), PROGRAM);
    const options = '--strict --target es2023 --module nodenext --moduleResolution nodenext --outDir out';
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, 'typed.ts', ...options.split(' ')], app);
    expect(printed((await run(process.execPath, ['out/typed.js'], app, env)).stdout)).toEqual(EXPECTED);
  });

  it('runs bundled, from another folder', async () => {
    const { warnings } = await build({
      stdin: { contents: asJavaScript, resolveDir: app },
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile: path.join(app, 'bundle/main.mjs'),
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    expect(printed((await run(process.execPath, ['bundle/main.mjs'], app, env)).stdout)).toEqual(EXPECTED);
  });

  it('runs where it is linked from a folder that has no adapter', async () => {
    const elsewhere = path.join(folder, 'elsewhere');
    await mkdir(path.join(elsewhere, 'node_modules'), { recursive: true });
    await cp(path.join(app, 'node_modules/valibot'), path.join(elsewhere, 'node_modules/valibot'), {
      recursive: true,
    });
    renameSync(path.join(app, 'node_modules/fovea'), path.join(elsewhere, 'fovea'));
    symlinkSync(path.join(elsewhere, 'fovea'), path.join(app, 'node_modules/fovea'), 'dir');
    // From a third folder: only the script says where the application is.
    const { stdout } = await run(process.execPath, [path.join(app, 'main.mjs')], tmpdir(), env);
    expect(printed(stdout)).toEqual(EXPECTED);
  });
});

describe('the pages in the packages', () => {
  const REPOSITORY = 'https://github.com/fovea-webgpu/fovea/blob/main/';

  it('link to what is in the package, or to files of the repository', () => {
    const broken: string[] = [];
    for (const [{ files }, place] of [
      [library, root],
      [cli, path.join(root, 'cli')],
    ] as const) {
      for (const page of files.filter((file) => file.endsWith('.md'))) {
        const text = readFileSync(path.join(place, page), 'utf8');
        for (const [, link] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
          if (link!.startsWith(REPOSITORY)) {
            if (!existsSync(path.join(root, link!.slice(REPOSITORY.length)))) broken.push(`${page}: ${link}`);
          } else if (!/^https?:/.test(link!)) {
            if (!files.includes(path.posix.join(path.posix.dirname(page), link!)))
              broken.push(`${page}: ${link}`);
          }
        }
      }
    }
    expect(broken).toEqual([]);
    expect(library.files).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'LICENSE']));
    expect(cli.files).toEqual(expect.arrayContaining(['README.md', 'LICENSE']));
  });

  it('have source maps with the sources in them', () => {
    const maps = library.files.filter((file) => file.endsWith('.js.map'));
    expect(maps.length).toBeGreaterThan(10);
    for (const file of maps) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(path.join(root, file), 'utf8'));
      expect(sourcesContent?.length ?? 0, file).toBe(sources.length);
    }
  });
});
