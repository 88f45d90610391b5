import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeError, onInterrupt, runMain } from '../../cli/src/errors.ts';
import { createProgress, formatDuration } from '../../cli/src/progress.ts';
import { DataError } from '../../src/errors.ts';

function sink(columns?: number) {
  let text = '';
  return {
    isTTY: columns !== undefined,
    columns,
    write(part: string) {
      text += part;
      return true;
    },
    text: () => text,
    lines: () => text.split('\n').slice(0, -1),
  };
}

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    vi.stubEnv('TERM', 'xterm');
    vi.stubEnv('LC_ALL', 'C.UTF-8');
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  function drive(stream: ReturnType<typeof sink>, total: number, msPerStep: number) {
    const progress = createProgress({ total, label: 'train', stream });
    progress.phase('compiling 43 pipelines');
    vi.advanceTimersByTime(4200);
    for (let step = 1; step <= total; step++) {
      vi.advanceTimersByTime(msPerStep);
      const losses = { total: 2 / step, box: 1 / step, mask: 0.5 };
      progress.update(step, { losses, lr: 1e-3, imagesPerSecond: 12.5 });
      if (step === 10) progress.log('\x1b[31mcheckpoint\x1b[0m saved');
    }
    progress.done();
    progress.done();
    progress.update(1);
  }

  it('in a pipe is a few plain lines', () => {
    const stream = sink();
    drive(stream, 100, 500);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
    expect(stream.text()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    const lines = stream.lines();
    expect(lines[0]).toBe('train: compiling 43 pipelines');
    expect(lines[1]).toBe('train: compiling 43 pipelines took 4.7 s');
    expect(lines[2]).toContain(
      'train: step 1/100, total 2.000, box 1.000, mask 0.500, lr 0.001, 12.5 images/s',
    );
    expect(lines).toContain('\\u001b[31mcheckpoint\\u001b[0m saved');
    expect(lines.at(-2)).toContain('step 100/100');
    expect(lines.at(-1)).toBe('train: 100 steps in 54 s');
    expect(lines.filter((line) => line.includes('step 1')).length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes(': step ')).length).toBe(21);
  });

  it('in a pipe keeps to one line in 2 seconds when fast, and one a minute when slow', () => {
    const fast = sink();
    drive(fast, 1000, 5);
    expect(fast.lines().filter((line) => line.includes(': step ')).length).toBeLessThanOrEqual(4);
    const slow = sink();
    drive(slow, 10_000, 1000);
    const count = slow.lines().filter((line) => line.includes(': step ')).length;
    expect(count).toBeGreaterThan(100);
    expect(count).toBeLessThan(200);
  });

  it.each([20, 40, 80, 200])('on a terminal of %i columns never writes a longer line', (columns) => {
    const stream = sink(columns);
    drive(stream, 60, 300);
    const drawn = stripVTControlCharacters(stream.text())
      .split(/[\r\n]/)
      .filter((line) => !line.includes('checkpoint') && !line.includes('pipelines,'));
    expect(drawn.length).toBeGreaterThan(10);
    for (const line of drawn) expect(line.length).toBeLessThan(columns);
    expect(stream.text()).toContain('60/60');
    expect(stream.text().endsWith('\n')).toBe(true);
    // No mode of the terminal is changed, so a killed process leaves none behind.
    for (const mode of ['\x1b[?', '\x1b7', '\x1b8']) expect(stream.text()).not.toContain(mode);
    if (columns === 200) expect(stream.text()).toMatch(/12\.5 images\/s {2}\d+.* left/);
  });

  it('on a terminal leaves no count behind where phases alone were told', () => {
    const stream = sink(80);
    const progress = createProgress({ total: 9, label: 'clusters', stream });
    progress.phase('2 clusters');
    vi.advanceTimersByTime(500);
    progress.done();
    const left = stripVTControlCharacters(stream.text().split('\x1b[2K').at(-1)!);
    expect(left).toBe('');
    // Nothing is ever drawn that counts to a total of which no part was told to be done.
    expect(stream.text().split('2 clusters').at(-1)).not.toContain('0/9');
  });

  it('counts what it is told to count', () => {
    const stream = sink();
    const progress = createProgress({ total: 40, label: 'gather', unit: ['URL', 'URLs'], start: 37, stream });
    progress.update(38);
    progress.update(40);
    progress.done();
    expect(stream.lines()).toEqual([
      'gather: URL 38/40',
      'gather: URL 40/40',
      'gather: URLs 38 to 40 in 0.0 s',
    ]);
  });

  it('says durations briefly', () => {
    expect([4.21, 42, 151, 3849, Number.NaN].map(formatDuration)).toEqual([
      '4.2 s',
      '42 s',
      '2:31',
      '1:04:09',
      '?',
    ]);
  });
});

describe('runMain', () => {
  async function run(main: () => unknown): Promise<{ text: string; code: number | undefined }> {
    const stderr = sink();
    let code: number | undefined;
    await runMain(main, { stderr, exit: (value) => (code = value) });
    return { text: stderr.text(), code };
  }
  const failing = (error: unknown) => () => Promise.reject(error);
  afterEach(() => vi.unstubAllEnvs());

  it('prints one line for an error of the user and exits with 2', async () => {
    vi.stubEnv('FOVEA_DEBUG', '');
    expect(await run(failing(new DataError('a.png: broken\n  copy it again')))).toEqual({
      text: 'fovea: a.png: broken copy it again\n',
      code: 2,
    });
    expect(await run(() => {})).toEqual({ text: '', code: undefined });
  });

  it('prints one line and a hint for a fault, a stack under FOVEA_DEBUG', async () => {
    vi.stubEnv('FOVEA_DEBUG', '');
    const fault = await run(failing(new TypeError('x is\nundefined')));
    expect(fault.code).toBe(70);
    expect(fault.text).toMatch(
      /^fovea: unexpected error: TypeError: x is undefined \(set FOVEA_DEBUG=1 .*\)\n$/,
    );
    vi.stubEnv('FOVEA_DEBUG', '1');
    const traced = await run(failing(new TypeError('x', { cause: new Error('deeper') })));
    expect(traced.text).toContain('progress.test.ts');
    expect(traced.text).toContain('caused by Error: deeper');
    expect(describeError('text').text).toContain('text');
  });

  it('leaves the words to commander', () => {
    const help = Object.assign(new Error('(outputHelp)'), { code: 'commander.help', exitCode: 0 });
    expect(describeError(help)).toEqual({ text: '', code: 0 });
    const unknown = Object.assign(new Error('unknown option'), {
      code: 'commander.unknownOption',
      exitCode: 1,
    });
    expect(describeError(unknown)).toEqual({ text: '', code: 2 });
  });

  it('takes its listeners off again', () => {
    const before = process.listenerCount('SIGINT');
    const off = [onInterrupt(() => {}), onInterrupt(() => {})];
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    for (const stop of off) stop();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it.skipIf(process.platform === 'win32')('asks on the first Ctrl-C and ends on the second', async () => {
    const { build } = await import('esbuild');
    const errors = new URL('../../cli/src/errors.ts', import.meta.url).pathname;
    const { outputFiles } = await build({
      stdin: {
        contents: `import { onInterrupt, runMain } from ${JSON.stringify(errors)};
          runMain(() => new Promise((stop) => {
            const timer = setInterval(() => {}, 1000);
            onInterrupt(() => { console.log('asked'); if (process.argv[1] !== 'stay') { clearInterval(timer); stop(); } });
            console.log('ready');
          }));`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      tsconfigRaw: {},
    });
    const start = (...words: string[]) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', outputFiles[0]!.text, ...words]);
      let text = '';
      child.stdout.on('data', (part: Buffer) => {
        text += part.toString();
        if (part.toString().includes('ready') || words.includes('stay')) child.kill('SIGINT');
      });
      return new Promise((done) => child.on('close', (code, signal) => done([text, code ?? signal])));
    };
    expect(await start('go')).toEqual(['ready\nasked\n', 130]);
    expect(await start('stay')).toEqual(['ready\nasked\n', 'SIGINT']);
  });
});
