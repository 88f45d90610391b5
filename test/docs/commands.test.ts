import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNpy } from '../../src/io/npy.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { torchvisionModel } from '../../src/models/torchvision.ts';
import { yoloFastest } from '../../src/models/yolo.ts';
import { foveaHere } from '../cli/here.ts';
import { initialWeights } from '../tasks/scenes.ts';
import { problemOfOther, type Understood, understand, wordsOf } from './commandLine.ts';
import { commandsOf, PAGES, root, type ShownCommand } from './pages.ts';

// Every command on every page: the command line takes it; and it runs, by the row of its shape here, on small data.

const commands = PAGES.flatMap((page) => commandsOf(page));
const isFovea = ({ text }: ShownCommand) => /^(npx )?fovea /.test(text);
const argumentsOf = ({ text }: ShownCommand) => wordsOf(text.replace(/^(npx )?fovea /, ''));

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
const FIXTURES = path.join(root, 'test/fixtures');

/** What trains in seconds: two steps of two small crops. */
const SMALL = ['--steps', '2', '--size', '64', '--crop', '32', '--batch', '2', '--width', '4'];

/** For each shape of a command on the pages what is run in its place. In this order: later ones use the files of earlier ones. */
const ROWS: Readonly<Record<string, () => string[]>> = {
  info: () => ['info'],
  'lr-find --data --task': () => [
    ...['lr-find', '--task', 'segment', '--data', at('coins'), '--num-it', '10'],
    ...SMALL.slice(2),
  ],
  'train --data --model --out': () => [
    ...['train', '--model', 'retinanet', '--data', at('coins'), '--out', at('detect.safetensors')],
    ...SMALL,
  ],
  'train --data --out --task': () => [
    ...['train', '--task', 'segment', '--data', at('coins'), '--out', at('segment.safetensors')],
    ...SMALL,
  ],
  'train --augment --data --model --out': () => {
    writeFileSync(
      at('augment.toml'),
      '[[augment]]\nname = "rotate"\ndegrees = 15\n\n[[augment]]\nname = "mosaic"\n',
    );
    return [
      ...['train', '--model', 'retinanet', '--data', at('coins'), '--out', at('augmented.safetensors')],
      ...['--augment', at('augment.toml'), ...SMALL],
    ];
  },
  'info --toml': () => ['info', at('segment.safetensors'), '--toml'],
  'train --config --out': () => {
    const small = 'size = 64\ncrop = 32\nbatch = 2\nwidth = 4\nsteps = 2\n';
    writeFileSync(at('config.toml'), `task = "segment"\ndata = ${JSON.stringify(at('coins'))}\n${small}`);
    return ['train', '--config', at('config.toml'), '--out', at('configured.safetensors')];
  },
  'train --config --log --out': () => [
    ...['train', '--config', at('config.toml'), '--out', at('logged.safetensors'), '--log', at('logs')],
  ],
  'train --resume': () => [
    ...['train', '--task', 'segment', '--data', at('coins'), '--out', at('segment.safetensors'), '--resume'],
    ...SMALL,
  ],
  'train --data --model --out --weights': () => [
    ...['train', '--model', 'retinanet', '--data', at('coins'), '--out', at('started.safetensors')],
    ...['--weights', at('resnet.pth'), ...SMALL.slice(0, -2)],
  ],
  'train --data --freeze --model --out --weights': () => [
    ...['train', '--model', 'retinanet', '--data', at('coins'), '--out', at('frozen.safetensors')],
    ...['--weights', at('resnet.pth'), '--freeze', 'backbone.*', ...SMALL.slice(0, -2)],
  ],
  'train --crop --data --model --out --seed --steps --val': () => [
    ...['train', '--model', 'yolo-fastest', '--data', at('coins'), '--out', at('scratch.safetensors')],
    ...['--val', '0', '--seed', '0', '--steps', '2', '--size', '64', '--crop', '64', '--batch', '2'],
  ],
  'train --crop --data --model --out --seed --steps --val --weights': () => [
    ...['train', '--model', 'yolo-fastest', '--data', at('coins'), '--out', at('tuned.safetensors')],
    ...['--val', '0', '--seed', '0', '--steps', '2', '--size', '64', '--crop', '64', '--batch', '2'],
    ...['--weights', at('fastest.weights')],
  ],
  'lr-find --data --model --out --weights': () => [
    ...['lr-find', '--model', 'yolo-fastest', '--data', at('coins'), '--out', at('lr.html')],
    ...['--weights', at('fastest.weights'), '--num-it', '10', '--crop', '32', '--batch', '2'],
  ],
  'train --data --freeze-epochs --model --out --steps --weights': () => [
    ...['train', '--model', 'yolo-fastest', '--data', at('coins'), '--out', at('two-phases.safetensors')],
    ...[
      '--weights',
      at('fastest.weights'),
      '--size',
      '64',
      '--freeze-epochs',
      '1',
      '--steps',
      '24',
      '--crop',
      '32',
      '--batch',
      '2',
    ],
  ],
  'train --weights': () => [
    ...['train', '--task', 'detect', '--data', at('coins'), '--out', at('again.safetensors')],
    ...['--weights', at('detect.safetensors'), ...SMALL.slice(0, -2)],
  ],
  'train --data --out --task --weights': () => {
    for (const label of ['coin', 'other']) {
      mkdirSync(at('classes', label), { recursive: true });
      for (const name of ['1.png', '2.png']) copyFileSync(at('coins/coins.png'), at('classes', label, name));
    }
    return [
      ...['train', '--task', 'classify', '--data', at('classes'), '--out', at('class.safetensors')],
      ...['--weights', at('resnet.pth'), ...SMALL.slice(0, -2)],
    ];
  },
  'cutout --model --out': () => [
    ...['cutout', at('coins/coins.png'), '--model', at('segment.safetensors'), '--out', at('cut')],
  ],
  'cutout --alpha-matting --detector --model --out': () => [
    ...['cutout', at('coins/coins.png'), '--model', at('segment.safetensors'), '--out', at('cut-boxes')],
    ...['--detector', at('detect.safetensors'), '--alpha-matting'],
  ],
  'cutout --detector --detector-classes --detector-names --detector-weights --model --out': () => [
    ...['cutout', at('coins/coins.png'), '--model', at('segment.safetensors'), '--out', at('cut-one')],
    ...['--detector', path.join(FIXTURES, 'darknet/small.cfg'), '--detector-classes', 'one,three'],
    ...['--detector-weights', path.join(FIXTURES, 'darknet/small.weights')],
    ...['--detector-names', at('small.names')],
  ],
  'hash --json --recursive': () => ['hash', at('classes'), '--recursive', '--json', at('hashes.json')],
  'dedupe --recursive': () => ['dedupe', at('classes'), '--recursive', '--out', at('same')],
  'dedupe --action --out --recursive': () => [
    ...['dedupe', at('coins'), '--recursive', '--action', 'move', '--out', at('gone')],
  ],
  'index --model --recursive': () => [
    ...['index', at('photos.index'), at('classes'), '--model', at('class.safetensors'), '--recursive'],
  ],
  'search --sheet': () => [
    ...['search', at('photos.index'), at('coins/coins.png'), '--sheet', at('nearest.html')],
  ],
  'index --metric': () => {
    writeFileSync(at('vectors.npy'), encodeNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }));
    return ['index', at('vectors.index'), at('vectors.npy'), '--metric', 'dot'];
  },
  'search --json --k': () => [
    ...['search', at('vectors.index'), at('vectors.npy'), '-k', '5', '--json', at('nearest.json')],
  ],
  'cluster --report': () => [
    ...[
      'cluster',
      at('vectors.npy'),
      '--k-range',
      '1-2',
      '--by',
      'silhouette',
      '--report',
      at('clusters.html'),
    ],
  ],
  'cluster --k --metric --model --out': () => [
    ...['cluster', at('classes'), '--recursive', '--model', at('class.safetensors')],
    ...['--metric', 'cosine', '--k', '1', '--out', at('clusters')],
  ],
  'classify --out': () => ['classify', at('class.safetensors'), at('classes/coin'), '--out', at('told')],
  'detect --out': () => ['detect', at('detect.safetensors'), at('coins/coins.png'), '--out', at('found')],
  'detect --format --out': () => [
    ...['detect', at('detect.safetensors'), at('coins/coins.png'), '--out', at('found-csv')],
    ...['--format', 'csv'],
  ],
  'detect --format --out --recursive': () => [
    ...['detect', at('detect.safetensors'), at('coins'), '--out', at('found-coco')],
    ...['--recursive', '--format', 'coco'],
  ],
  'detect --out --threshold': () => [
    ...['detect', at('detect.safetensors'), at('coins'), '--out', at('found-sure'), '--threshold', '0.5'],
  ],
  'detect --names --out --weights': () => [
    ...['detect', path.join(FIXTURES, 'darknet/small.cfg'), at('coins/coins.png')],
    ...['--weights', path.join(FIXTURES, 'darknet/small.weights'), '--names', at('small.names')],
    ...['--out', at('found-by-darknet')],
  ],
  'segment --arch --out': () => [
    ...['segment', at('lraspp.pth'), at('coins/coins.png'), '--out', at('areas-by-lraspp')],
    ...['--arch', 'lraspp_mobilenet_v3_large'],
  ],
  'segment --format --out': () => [
    ...['segment', at('segment.safetensors'), at('coins/coins.png'), '--out', at('area-masks')],
    ...['--format', 'masks'],
  ],
  'segment --out': () => ['segment', at('segment.safetensors'), at('coins/coins.png'), '--out', at('areas')],
  'eval --data': () => ['eval', at('detect.safetensors'), '--data', at('coins')],
  'eval --data --report': () => [
    ...['eval', at('segment.safetensors'), '--data', at('coins'), '--report', at('eval.html')],
  ],
  'eval --data --flip --merge --scales': () => [
    ...['eval', at('detect.safetensors'), '--data', at('coins')],
    ...['--scales', '1,2', '--flip', '--merge', 'wbf'],
  ],
  look: () => ['look', at('coins'), '--out', at('look.html')],
  'look --out': () => ['look', at('coins'), '--out', at('looked.html')],
  'look --augment --out': () => ['look', at('coins'), '--augment', 'aerial', '--out', at('aerial.html')],
  'convert --format': () => ['convert', at('coins'), at('coco'), '--format', 'coco'],
  anchors: () => ['anchors', at('coins')],
  'anchors --model': () => ['anchors', at('coins'), '--model', 'yolov3'],
  'anchors --labels-only --model --report --size': () => [
    ...['anchors', at('coins'), '--model', 'yolov3', '--size', '608', '--labels-only'],
    ...['--report', at('boxes.html')],
  ],
  export: () => ['export', at('detect.safetensors'), at('detector.onnx')],
  'export --batch --nms --opset --size': () => [
    ...['export', at('detect.safetensors'), at('candidates.onnx')],
    ...['--batch', '1', '--nms', 'outside', '--opset', '16', '--size', '64x96'],
  ],
  'export --iou --threshold': () => [
    ...['export', at('detect.safetensors'), at('sure.onnx'), '--threshold', '0.5', '--iou', '0.4'],
  ],
  'export --names --weights': () => [
    ...['export', path.join(FIXTURES, 'darknet/small.cfg'), at('darknet.onnx')],
    ...['--weights', path.join(FIXTURES, 'darknet/small.weights'), '--names', at('small.names')],
  ],
  'weights show': () => ['weights', 'show', path.join(FIXTURES, 'torch_files/checkpoint.pth')],
  'weights convert': () => [
    ...['weights', 'convert', path.join(FIXTURES, 'torch_files/module.pth'), at('model.safetensors')],
  ],
  'weights convert --state-dict': () => [
    ...['weights', 'convert', path.join(FIXTURES, 'torch_files/checkpoint.pth'), at('model.pth')],
    ...['--state-dict', 'model'],
  ],
  'verify --op': () => ['verify', '--op', 'box_iou'],
  'verify --cases': () => ['verify', '--cases', path.join(FIXTURES, 'conformance'), '--op', 'box_convert'],
  'verify --limits': () => ['verify', '--limits', 'default', '--op', 'box_iou'],
  'verify --repeat': () => ['verify', '--repeat', '3', '--op', 'box_iou'],
  'verify --json': () => ['verify', '--json', at('rows.json'), '--op', 'box_iou'],
};

/** Shapes that run elsewhere, or would take too long: the test that runs them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'batch detect --out': 'test/cli/batch/local.test.ts',
  'batch segment --format --out': 'test/cli/batch/local.test.ts',
  'batch classify --out': 'test/cli/batch/local.test.ts',
  'batch hash --out --workers': 'test/cli/batch/local.test.ts',
  'batch detect --format --out': 'test/cli/batch/s3.test.ts',
  'batch cutout --model --out': 'test/cli/batch/kinds.test.ts',
  'batch embed --format --model --out': 'test/cli/batch/kinds.test.ts',
  'batch eval --data --out': 'test/cli/batch/kinds.test.ts',
  'batch convert --format --out': 'test/cli/batch/convert.test.ts',
  retry: 'test/cli/batch/local.test.ts',
  worker: 'test/cli/batch/page.test.ts',
  status: 'test/cli/batch/page.test.ts',
  'status --json': 'test/cli/batch/queue.test.ts',
  cancel: 'test/cli/batch/queue.test.ts',
  'sweep --out': 'test/cli/sweep/sweep.test.ts',
  'sweep --out --queue': 'test/cli/sweep/queue.test.ts',
  'gather --out': 'test/cli/gather.test.ts',
  'embed --model --normalize --out': 'test/cli/embed.test.ts',
  'embed --fps --frames --model --out': 'test/cli/embed.test.ts',
  demo: 'test/cli/report.test.ts',
  profile: 'test/cli/profile.test.ts',
  'profile --batch --train': 'test/cli/profile.test.ts',
  'profile --by --gpu': 'test/cli/profile.test.ts',
  'profile --json --report --train': 'test/cli/profile.test.ts',
  tune: 'test/cli/tune.test.ts',
  'tune --batch --crop --task': 'test/cli/tune.test.ts',
  'tune --size': 'test/cli/tune.test.ts',
  'tune --again': 'test/cli/tune.test.ts',
  verify: 'test/verify/verify.test.ts',
  'verify --dtype': 'test/verify/f16.test.ts',
  'verify --models': 'test/verify/models.test.ts',
  'train --data --model --out --split': 'test/cli/convertFiles.test.ts',
  'train --data --model --out --report-bad --skip-bad --split': 'test/cli/samples.test.ts',
  'eval --data --images': 'test/cli/convertFiles.test.ts',
  'convert --format --link-images --split': 'test/cli/convert.test.ts',
};

const understood = new Map<string, { command: ShownCommand; parsed: Understood }>();

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-docs-'));
  await cp(path.join(root, 'examples/coins'), at('coins'), { recursive: true });
  writeFileSync(at('small.names'), 'one\ntwo\nthree\n');
  const backbone = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 8, numClasses: 5 });
  const tensors = await backbone.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  writeFileSync(at('resnet.pth'), writeTorch(tensors));
  const fastest = yoloFastest({ numClasses: 3, seed: 0 });
  writeFileSync(at('fastest.weights'), fastest.encodeDarknet(initialWeights(fastest)));
  const { model } = torchvisionModel('lraspp_mobilenet_v3_large');
  const lraspp = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  writeFileSync(at('lraspp.pth'), writeTorch(lraspp));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the commands on the pages', () => {
  it('are such as the command line takes', () => {
    const problems: string[] = [];
    for (const command of commands.filter(isFovea)) {
      const words = argumentsOf(command);
      if (words[0] === '--help') continue;
      try {
        const parsed = understand(words, command.inline);
        if (!command.inline) understood.set(parsed.shape, { command, parsed });
      } catch (error) {
        problems.push(`${command.page}:${command.line}: ${command.text}: ${(error as Error).message}`);
      }
    }
    expect(problems).toEqual([]);
    expect(understood.size).toBeGreaterThan(15);
  });

  it('of npm, node and others are there', () => {
    const problems = commands
      .filter((command) => !isFovea(command))
      .flatMap((command) => {
        const problem = problemOfOther(wordsOf(command.text));
        return problem ? [`${command.page}:${command.line}: ${command.text}: ${problem}`] : [];
      });
    expect(problems).toEqual([]);
  });

  it('have a row here each, and each row is on a page', () => {
    const known = [...Object.keys(ROWS), ...Object.keys(ELSEWHERE)];
    expect([...understood.keys()].filter((shape) => !known.includes(shape))).toEqual([]);
    expect(known.filter((shape) => !understood.has(shape))).toEqual([]);
    for (const file of Object.values(ELSEWHERE)) expect(existsSync(path.join(root, file)), file).toBe(true);
  });

  it.each(Object.entries(ROWS))('run: fovea %s', async (shape, row) => {
    const words = row();
    const flags = understand(words).shape.split(' ');
    for (const flag of shape.split(' ')) expect(flags).toContain(flag);
    const { code, stdout, stderr } = await foveaHere(...words);
    expect({ code, output: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, output: '' });
  });
});
