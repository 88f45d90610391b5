import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, ShapeError, StateDictError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
import type { DarknetConvLayer } from '../../src/models/darknetLayers.ts';
import { YOLO, yolov3, yolov3Tiny } from '../../src/models/yolo.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, initialWeights } from '../tasks/scenes.ts';
import { cfg, largestDifference, small, trained } from './smallYolo.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

describe('a .cfg', () => {
  const net = '[net]\nwidth=32\nheight=32\n';
  const yolo = '[yolo]\nanchors=4,4\nnum=1\nclasses=1\n';
  const conv = '[convolutional]\nfilters=6\nactivation=linear\n';

  it.each([
    ['nothing', '', 'cfg:1: the file is empty; a .cfg begins with [net]'],
    ['no net first', conv, 'cfg:1: [convolutional] comes first'],
    ['text', `${net}hello\n`, 'cfg:4: "hello" is neither a [section] nor key=value'],
    ['no section', 'width=3\n', 'cfg:1: "width=3" is neither a [section] nor key=value of one'],
    ['no layers', net, 'cfg:1: [net] has no layers after it'],
    [
      'more weights than fit',
      `${net}[conv]\nfilters=1000000000000\nsize=3\nactivation=linear\n${yolo}`,
      'filters=1000000000000, size=3 on 3 channels: the network has 27000000000000 weights',
    ],
    [
      'another section',
      `${net}[reorg]\nstride=2\n`,
      'cfg:4: [reorg] is not supported; supported are convolutional',
    ],
    [
      'another activation',
      `${net}[conv]\nactivation=selu\n`,
      'cfg:5: [convolutional] activation=selu; give one of linear',
    ],
    [
      'words for numbers',
      `${net}[conv]\nfilters=many\n`,
      'cfg:5: [convolutional] filters=many; give a number',
    ],
    [
      'no filters',
      `${net}[conv]\nfilters=0\n`,
      'cfg:5: [convolutional] filters=0; give a whole number from 1 on',
    ],
    ['binary weights', `${net}[conv]\nxnor=1\nactivation=linear\n`, 'cfg:5: [convolutional] xnor=1; give 0'],
    [
      'later layers',
      `${net}${conv}[route]\nlayers=1\n`,
      'cfg:8: [route] layers=1; give layers before this one, 0 to 0',
    ],
    ['no layers to join', `${net}${conv}[route]\n`, 'cfg:7: [route] without layers'],
    [
      'half an anchor',
      `${net}${conv}[yolo]\nanchors=4,4,4\n`,
      'cfg:7: [yolo] has 3 numbers in anchors and num=1',
    ],
    [
      'no such anchor',
      `${net}${conv}${yolo}mask=1\n`,
      'cfg:7: [yolo] mask=1; give different anchors, 0 to 0',
    ],
    [
      'too few channels',
      `${net}${conv}${yolo}classes=1\nmask=0\n`.replace('classes=1', 'classes=2'),
      'cfg:7: [yolo] needs 1 * (5 + 2) = 7 channels, the layer before gives 6',
    ],
    [
      'groups',
      `${net}[conv]\nfilters=6\ngroups=2\nactivation=linear\n`,
      'cfg:4: [convolutional] groups=2 must divide 3 channels and 6 filters',
    ],
    [
      'other sizes',
      `${net}${conv}[maxpool]\nstride=2\n[shortcut]\nfrom=-2\n`,
      'cfg:9: [shortcut] layer 0 has stride 1, the one before 2',
    ],
    [
      'sizes that cannot be joined',
      `${net}${conv}[maxpool]\nstride=2\n[route]\nlayers=-1,-2\n`,
      'cfg:9: [route] layer 0 has stride 1, layer 1 has 2',
    ],
    [
      'two class counts',
      `${net}${conv}${yolo}[conv]\nfilters=7\nactivation=linear\n[yolo]\nanchors=4,4\nclasses=2\n`,
      'cfg:14: [yolo] classes=2, the one on line 7 has 1',
    ],
    ['no detector', `${net}${conv}`, 'cfg: has no [yolo] section'],
  ])('with %s is an error that says where', (_, text, message) => {
    let error: unknown;
    try {
      new YOLO({ cfg: text });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(message);
  });

  it('may have other line ends, blanks, comments and unknown keys', () => {
    const text = `; mine\r\n[network]\r\nchannels = 3 # RGB\r\nburn_in=1\r\n[conv]\r\nfilters = 6\r\nactivation = linear\r\n[yolo]\r\nanchors = 4, 4,\r\nnum=1\r\nclasses=1\r\n`;
    const model = new YOLO({ cfg: text });
    expect([model.numClasses, model.stride, ...model.imageSize]).toEqual([1, 1, 416, 416]);
    expect(model.namedStates().map(([name]) => name)).toEqual(['layers.0.conv.weight', 'layers.0.conv.bias']);
  });

  it('takes the layers of later Darknets', async () => {
    const text = `${net}[conv]\nfilters=4\nsize=3\npad=1\nactivation=mish\n[conv]\nfilters=6\nactivation=swish\n[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1\n[conv]\nfilters=6\nactivation=linear\n[shortcut]\nfrom=0\nactivation=relu\nbeta=2\n${yolo}scale_x_y=2\n`;
    const model = new YOLO({ cfg: text, seed: 3 });
    const images = tensor(
      Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => ((i * 37) % 101) / 101),
      [1, 32, 32, 3],
    );
    const [level] = await gpu.read(...model.forward(images));
    const values = new Map(model.namedStates().map(([name, state]) => [name, state.initial]));
    const linear = (x: readonly number[], layer: number, outputs: number): number[] =>
      Array.from({ length: outputs }, (_, o) =>
        x.reduce(
          (sum, value, i) => sum + value * values.get(`layers.${layer}.conv.weight`)![i * outputs + o]!,
          values.get(`layers.${layer}.conv.bias`)![o]!,
        ),
      );
    // The middle of the image, where the first convolution sees no edge.
    const [row, column] = [16, 16];
    const seen = [-1, 0, 1].flatMap((y) =>
      [-1, 0, 1].flatMap((x) =>
        [0, 1, 2].map((c) =>
          images.origin.kind === 'constant'
            ? images.origin.data[((row + y) * 32 + column + x) * 3 + c]!
            : Number.NaN,
        ),
      ),
    );
    const first = linear(seen, 0, 4).map((x) => x * Math.tanh(Math.log1p(Math.exp(x))));
    const second = linear(first, 1, 6).map((x) => x / (1 + Math.exp(-x)));
    const last = linear([...second.slice(3), ...first.slice(2)], 3, 6);
    const wanted = last.map((x, i) => Math.max(0, x + (i < 4 ? 2 * first[i]! : 0)));
    const at = (row * 32 + column) * 6;
    expect(largestDifference(wanted, level!.slice(at, at + 6))).toBeLessThan(1e-4);
    expect(Math.max(...wanted)).toBeGreaterThan(0);

    // scale_x_y: centres reach beyond their cell.
    model.forward = () => [tensor([3, -4, 0, 0, 5, 5], [1, 1, 1, 6])];
    const { boxes, count } = await gpu.run(() => model.detect(tensor(new Float32Array(3), [1, 1, 1, 3])));
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const [x, y] = [2 * sigmoid(3) - 0.5, 2 * sigmoid(-4) - 0.5];
    expect(count[0]).toBe(1);
    const clip = (v: number) => Math.min(Math.max(v, 0), 1);
    expect(largestDifference([x - 2, y - 2, x + 2, y + 2].map(clip), boxes)).toBeLessThan(1e-5);
  });

  it('does nothing in dropout, cost, empty and silence sections in evaluation, but counts them', async () => {
    const head = '[conv]\nfilters=6\nactivation=linear\n';
    const plain = new YOLO({ cfg: `${net}${head}[route]\nlayers=-1\n${yolo}`, seed: 1 }).eval();
    const text = `${net}${head}[dropout]\nprobability=.15\n[cost]\n[empty]\n[silence]\n[route]\nlayers=1\n${yolo}`;
    const model = new YOLO({ cfg: text, seed: 1 }).eval();
    const [from, to] = [plain, model].map((one) => one.layers[0] as DarknetConvLayer);
    to!.conv.weight.state.set(from!.conv.weight.state.initial);
    to!.conv.bias!.state.set(from!.conv.bias!.state.initial);
    const images = tensor(
      Float32Array.from({ length: 108 }, (_, i) => Math.sin(i)),
      [1, 6, 6, 3],
    );
    const [wanted, found] = await gpu.read(...plain.forward(images), ...model.forward(images));
    expect(found).toEqual(wanted);
    model.train();
    // Some of 216 values are left out in training, and the others grow.
    const [dropped] = await gpu.run(() => ({ y: model.forward(images)[0]! })).then(({ y }) => [y]);
    expect(dropped!.filter((value) => value === 0).length).toBeGreaterThan(5);
    expect(() => new YOLO({ cfg: text.replace('.15', '1') })).toThrow('probability=1; give a number below 1');
  });

  it('pools as Darknet does where the last window hangs over', async () => {
    const text = `${net}[conv]\nfilters=6\nactivation=linear\n[maxpool]\nsize=2\nstride=1\n[maxpool]\nsize=3\nstride=2\npadding=1\n${yolo}`;
    const model = new YOLO({ cfg: text });
    const eye = Float32Array.from({ length: 18 }, (_, i) => Number(Math.floor(i / 6) === (i % 6) % 3));
    const [first] = model.layers as DarknetConvLayer[];
    first!.conv.weight.state.set(eye);
    first!.conv.bias!.state.set(new Float32Array(6));
    // Rising to the bottom right, and below 0: a padding of zeros would win.
    const images = Float32Array.from({ length: 36 * 3 }, (_, i) => Math.floor(i / 3) / 36 - 2);
    const [level] = await gpu.read(...model.forward(tensor(images, [1, 6, 6, 3])));
    const at = (row: number, column: number) => (row * 6 + column) / 36 - 2;
    // Windows of 2 begin at each pixel; windows of 3 at every second one, and there is one place after the end.
    const wanted = [0, 1, 2].flatMap((row) =>
      [0, 1, 2].flatMap((column) => Array(6).fill(at(Math.min(5, 2 * row + 3), Math.min(5, 2 * column + 3)))),
    );
    expect(level!.length).toBe(wanted.length);
    expect(largestDifference(wanted, level!)).toBeLessThan(1e-6);
  });

  it('says which image sizes it takes', () => {
    const model = small();
    expect(model.stride).toBe(16);
    expect(() => model.forward(tensor(new Float32Array(40 * 48 * 3), [1, 40, 48, 3]))).toThrow(ShapeError);
    expect(() => model.forward(tensor(new Float32Array(40 * 48 * 3), [1, 40, 48, 3]))).toThrow(
      /\[1,40,48,3\] must be \[N,H,W,3\] with H and W multiples of 16/,
    );
  });
});

describe('.weights', () => {
  it('are written as they were read', () => {
    const model = YOLO.fromDarknet(cfg);
    const header = model.loadDarknet(trained);
    expect(header).toEqual({ major: 0, minor: 2, revision: 5, seen: 32013312 });
    expect(model.encodeDarknet(initialWeights(model), header)).toEqual(new Uint8Array(trained));
    // Before version 0.2 the images seen are counted in 32 bits.
    const old = model.encodeDarknet(initialWeights(model), {
      major: 0,
      minor: 1,
      revision: 0,
      seen: 7,
    });
    expect(old.length).toBe(trained.length - 4);
    const again = new YOLO({ cfg, seed: 1 });
    expect(again.loadDarknet(old)).toEqual({ major: 0, minor: 1, revision: 0, seen: 7 });
    expect(bytesOf(initialWeights(again))).toBe(bytesOf(initialWeights(model)));
  });

  it('of the first layers leave the others as they are', () => {
    const model = new YOLO({ cfg, seed: 1 });
    const before = initialWeights(model);
    // Layers 0 and 2: 4 values of batch norm a filter, and the weights.
    const bytes = 20 + 4 * (8 * 4 + 8 * 27 + 8 * 4 + 8 * 72);
    model.loadDarknet(trained.slice(0, bytes), { layers: 3 });
    const after = initialWeights(model);
    const loaded = initialWeights(small());
    for (const [name, { data }] of after) {
      const same = /^layers\.[02]\./.test(name) ? loaded : before;
      expect(data, name).toEqual(same.get(name)!.data);
    }
  });

  it('of another size are refused with both sizes', () => {
    const model = new YOLO({ cfg });
    expect(() => model.loadDarknet(trained.slice(0, -4))).toThrow(
      /weights: has 22192 bytes, but these layers need 22196; use the \.cfg that it was trained with, or say how many/,
    );
    expect(() => model.loadDarknet(new Uint8Array([...trained, 0]))).toThrow(
      /has 22197 bytes, but these layers need 22196/,
    );
    expect(() => model.loadDarknet(trained.slice(0, 9))).toThrow(/is not a \.weights file: it has 9 bytes/);
    expect(() => model.encodeDarknet(new Map())).toThrow(StateDictError);
  });

  it('of the published networks have the size that these networks need', () => {
    const header = trained.slice(0, 20);
    expect(() => yolov3({ numClasses: 80 }).loadDarknet(header)).toThrow(/need 248007048;/);
    expect(() => yolov3Tiny({ numClasses: 80 }).loadDarknet(header)).toThrow(/need 35434956;/);
  });
});
