import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { readTorch, writeTorch } from '../../src/io/index.ts';
import { writeZip } from '../../src/io/torch/zipWriter.ts';

const bytesOf = (...parts: (string | number | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'string'
        ? [...Buffer.from(part, 'latin1')]
        : typeof part === 'number'
          ? [part]
          : [...part],
    ),
  );
/** A file with this pickle, and storages by key. */
const file = (
  pickle: Uint8Array,
  storages: Record<string, Uint8Array> = {},
  more: Record<string, string> = {},
) =>
  writeZip(
    new Map([
      ['a/data.pkl', pickle],
      ...Object.entries(storages).map(([key, bytes]) => [`a/data/${key}`, bytes] as const),
      ...Object.entries(more).map(([key, text]) => [`a/${key}`, bytesOf(text)] as const),
    ]),
  );
const u32 = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const text = (value: string) => bytesOf('X', u32(value.length), value);
const int = (value: number) => bytesOf('J', u32(value));
const global = (path: string) => {
  const at = path.lastIndexOf('.');
  return bytesOf('c', path.slice(0, at), '\n', path.slice(at + 1), '\n');
};
const tuple = (...parts: Uint8Array[]) => bytesOf('(', ...parts, 't');
/** A call of `path` with arguments. */
const call = (path: string, ...args: Uint8Array[]) => bytesOf(global(path), tuple(...args), 'R');
const storage = (length: number, type = 'torch.FloatStorage', key = '0') =>
  bytesOf(tuple(text('storage'), global(type), text(key), text('cpu'), int(length)), 'Q');
const tensor = (length: number, offset: number, shape: number[], strides: number[]) =>
  call(
    'torch._utils._rebuild_tensor_v2',
    storage(length),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    bytesOf(0x89),
    call('collections.OrderedDict'),
  );
const dict = (...items: Uint8Array[]) => bytesOf([0x80, 2], '}(', ...items, 'u.');
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** The message of the DataError; checks that it is one line that begins with the file. */
function faultOf(bytes: Uint8Array): string {
  try {
    readTorch(bytes, 'bad.pth');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toMatch(/^bad\.pth: [^\n\r]+; [^\n\r]+$/);
    return message;
  }
  throw new Error('no error was thrown');
}

describe('a pickle that would run code', () => {
  const SHARED = new URL('../../../shared/weights/evil.pth', import.meta.url);
  it.runIf(existsSync(SHARED))('of the shared files is refused by the name of what it calls', () => {
    expect(faultOf(readFileSync(SHARED))).toContain('posix.system');
    expect(existsSync('PWNED')).toBe(false);
  });

  it.each([
    'posix.system',
    'os.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    '__builtin__.exec',
    'builtins.__import__',
    'builtins.print',
    'importlib.import_module',
    'runpy.run_path',
    'webbrowser.open',
    'torch.hub.load',
    'torch.load',
    'torch.storage._load_from_bytes',
    'torch.some.function',
    'numpy.testing._private.utils.runstring',
    'operator.attrgetter',
    'pickle.loads',
    'sys.exit',
    'socket.create_connection',
  ])('is refused: %s', (path) => {
    const called = faultOf(file(dict(text('x'), call(path, text('touch PWNED')))));
    expect(called).toContain(path.replace('__builtin__', 'builtins'));
    expect(called).toContain('nothing of it was run');
    // With the other opcodes that call or make.
    const [module, name] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
    for (const made of [
      bytesOf(global(path), tuple(text('x')), 0x81),
      bytesOf('(', text('x'), 'i', module, '\n', name, '\n'),
      bytesOf('(', global(path), text('x'), 'o'),
      bytesOf(text(module), text(name), 0x93, tuple(text('x')), 'R'),
      bytesOf(global(path), tuple(text('x')), '}', 0x92),
    ]) {
      expect(faultOf(file(dict(text('x'), made)))).toContain('nothing of it was run');
    }
  });

  it('is refused where it calls what another call gave', () => {
    const gadget = bytesOf(call('builtins.getattr', global('a.b'), text('c')), tuple(text('x')), 'R');
    expect(faultOf(file(dict(text('x'), gadget)))).toContain('calls what builtins.getattr gave');
  });

  it('is only named where it makes an object of a class that is not read', () => {
    const made = bytesOf(global('some.where.Config'), ')', 0x81, '}', text('lr'), int(3), 'sb');
    const { other } = readTorch(file(dict(text('x'), made, text('y'), call('some.where.function', int(1)))));
    expect(Object.fromEntries(other)).toEqual({
      x: { className: 'some.where.Config' },
      'x.lr': 3,
      y: { className: 'some.where.function' },
      'y.args': [1],
    });
  });
});

describe('a key that is no text', () => {
  it('is part of the name: a tuple as Python writes it, another object by its number', () => {
    const number = () => int(5);
    const pickle = dict(
      ...[tuple(int(1), text("it's")), number()],
      ...[tuple(text('a')), number()],
      ...[tuple(bytesOf('N'), bytesOf(0x88)), number()],
      ...[tuple(text('long'.repeat(100))), number()],
      ...[tuple(int(1), tuple(int(2))), number()],
      ...[int(7), number()],
    );
    expect([...readTorch(file(pickle)).other.keys()]).toEqual([
      "(1, 'it\\'s')",
      "('a',)",
      '(None, True)',
      '#3',
      '#4',
      '7',
    ]);
  });
});

describe('a tensor that is not read', () => {
  const rest = [int(0), tuple(int(1)), tuple(int(1)), bytesOf(0x89), call('collections.OrderedDict')];
  const typed = (type: string) =>
    call('torch._utils._rebuild_tensor_v3', storage(1, 'torch.UntypedStorage'), ...rest, global(type));

  it.each([
    ['float8', typed('torch.float8_e4m3fn'), 'is a float8_e4m3fn, ', '.float()'],
    ['complex64', typed('torch.complex64'), 'is a complex64, ', 'torch.view_as_real(tensor)'],
    ['qint8', typed('torch.qint8'), 'is a qint8, ', '.dequantize()'],
    [
      'meta',
      call('torch._utils._rebuild_meta_tensor_no_storage', global('torch.float32')),
      'is a meta tensor, ',
      'it has a shape but no values',
    ],
    [
      'subclass',
      call('torch._utils._rebuild_wrapper_subclass', int(1)),
      'is a tensor subclass, ',
      '.full_tensor()',
    ],
  ])('is refused with what to do about its kind: %s', (_, value, what, fix) => {
    const message = faultOf(file(dict(text('w'), value)));
    expect(message).toContain(`tensor "w": ${what}`);
    expect(message.split('; ')[1]).toContain(fix);
  });
});

describe('a damaged or hostile file', () => {
  const good = file(dict(text('w'), tensor(4, 0, [2, 2], [2, 1])), { 0: floats(1, 2, 3, 4) });

  it('is read as it is where nothing is wrong', () => {
    expect(readTorch(good).tensors.get('w')).toEqual({
      dtype: 'f32',
      shape: [2, 2],
      data: Float32Array.of(1, 2, 3, 4),
    });
  });

  it('in the order of bytes of other machines is read, too', () => {
    const swapped = floats(1, 2, 3, 4).reverse();
    const big = file(dict(text('w'), tensor(4, 0, [4], [1])), { 0: swapped }, { byteorder: 'big' });
    expect(readTorch(big).tensors.get('w')!.data).toEqual(Float32Array.of(4, 3, 2, 1));
  });

  it.each<[string, Uint8Array, string]>([
    [
      'a short storage',
      file(dict(text('w'), tensor(4, 0, [4], [1])), { 0: floats(1, 2) }),
      'should have 4 elements of f32, the file has 8 bytes',
    ],
    ['no storage', file(dict(text('w'), tensor(4, 0, [4], [1]))), 'its storage "0" is not in the file'],
    [
      'an offset past its end',
      file(dict(text('w'), tensor(4, 1, [4], [1])), { 0: floats(1, 2, 3, 4) }),
      'reaches to element 5, its storage has 4',
    ],
    [
      'a stride past its end',
      file(dict(text('w'), tensor(4, 0, [2, 2], [3, 1])), { 0: floats(1, 2, 3, 4) }),
      'reaches to element 5',
    ],
    [
      'a negative size',
      file(dict(text('w'), tensor(4, 0, [-2], [1])), { 0: floats(1, 2, 3, 4) }),
      'are no whole numbers',
    ],
    [
      'a view of terabytes',
      file(dict(text('w'), tensor(1, 0, [2 ** 30, 2 ** 30], [0, 0])), { 0: floats(1) }),
      'repeats its storage so often',
    ],
    [
      'too many dimensions',
      file(dict(text('w'), tensor(1, 0, new Array(65).fill(1), new Array(65).fill(1))), { 0: floats(1) }),
      'are no whole numbers',
    ],
    [
      'two values of one name',
      file(dict(text('a.b'), tensor(1, 0, [1], [1]), text('a'), bytesOf('}', text('b'), int(1), 's')), {
        0: floats(1),
      }),
      'two values are called "a.b"',
    ],
    [
      'a text longer than the file',
      file(bytesOf([0x80, 2], 'X', u32(0x7fffffff), 'abc.')),
      'a text has 2147483647 bytes',
    ],
    ['bytes of 2^60', file(bytesOf([0x80, 4, 0x8e], new Uint8Array(8).fill(0x10), '.')), 'are left'],
    [
      'an integer of megabytes',
      file(bytesOf([0x80, 2, 0x8b], u32(1 << 20), new Uint8Array(1 << 20), '.')),
      'an integer has 1048576 bytes',
    ],
    [
      'a memory that was never filled',
      file(bytesOf([0x80, 2], 'h', 5, '.')),
      'takes what it did not remember (5)',
    ],
    ['no value', file(bytesOf([0x80, 2], '.')), 'takes a value where there is none'],
    ['no mark', file(bytesOf([0x80, 2], 't.')), 'from a mark where there is none'],
    ['no end', file(bytesOf([0x80, 2], 'N')), 'needs 1 bytes, 0 are left'],
    ['an extension', file(bytesOf([0x80, 2, 0x82, 1], '.')), 'has the opcode 0x82'],
    ['a protocol of the future', file(bytesOf([0x80, 6], 'N.')), 'has a protocol over 5'],
    [
      'lists in lists',
      file(bytesOf([0x80, 2], ']'.repeat(1000), 'N', 'a'.repeat(1000), '.')),
      'nested deeper than 500',
    ],
    [
      'millions of dicts',
      file(bytesOf([0x80, 2], '('.repeat(1), '}'.repeat(500_001), 't.')),
      'makes more than 500,000 lists',
    ],
    [
      'a tar archive',
      bytesOf(new Uint8Array(257), 'ustar', new Uint8Array(300)),
      'is a tar archive, as PyTorch wrote before 0.1.10',
    ],
    ['a cut archive', good.subarray(0, good.length - 30), 'its end is missing'],
    [
      'another version',
      bytesOf(
        [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19],
        '.',
        [0x80, 2],
        'M',
        [1, 0],
        '.',
      ),
      "has version 1 of PyTorch's old format",
    ],
  ])('is refused: %s', (_, bytes, message) => {
    expect(faultOf(bytes)).toContain(message);
  });

  it('of the old format whose list of storages holds lists in lists is refused', () => {
    const head = bytesOf(
      [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19],
      '.',
    );
    const nested = bytesOf(']'.repeat(20_000), 'N', 'a'.repeat(20_000));
    const keys = bytesOf([0x80, 2], nested, '.');
    const old = bytesOf(head, [0x80, 2], 'M', [0xe9, 3], '.', [0x80, 2], '}.', [0x80, 2], '}.', keys);
    expect(faultOf(old)).toContain('belongs to no tensor');
    expect(faultOf(bytesOf(head, keys))).toContain('has version unknown');
  });

  it('with objects that hold each other is read to its end', () => {
    // d = {}; d['d'] = d; d['n'] = 1
    const cycle = bytesOf([0x80, 2], '}', 'q', 0, '(', text('d'), 'h', 0, text('n'), int(1), 'u.');
    expect(Object.fromEntries(readTorch(file(cycle)).other)).toEqual({ n: 1 });
  });

  it('that names one thing a billion times is refused', () => {
    // Ten levels of lists, each of which holds the one below ten times.
    const levels = Array.from({ length: 10 }, (_, i) =>
      bytesOf(
        '](',
        ...new Array<Uint8Array>(10).fill(i === 0 ? bytesOf('}') : bytesOf('h', i - 1)),
        'e',
        'q',
        i,
        '0',
      ),
    );
    expect(faultOf(file(bytesOf([0x80, 2], ...levels, 'h', 9, '.')))).toContain(
      'names more than 500,000 values',
    );
  });

  it.each<[string, (zip: Uint8Array, view: DataView, entry: number) => void, string]>([
    ['compressed', (_, view, entry) => view.setUint16(entry + 10, 8, true), 'is compressed (method 8)'],
    ['encrypted', (_, view, entry) => view.setUint16(entry + 8, 1, true), 'is encrypted'],
    [
      'longer than the file',
      (_, view, entry) => {
        for (const at of [20, 24]) view.setUint32(entry + at, 2 ** 31, true);
      },
      'past the',
    ],
    [
      'larger than what is stored',
      (_, view, entry) => view.setUint32(entry + 24, 2 ** 31, true),
      'is stored, but says',
    ],
    ['elsewhere', (_, view, entry) => view.setUint32(entry + 42, 12, true), 'has no header at byte 12'],
    [
      'called otherwise in its header',
      (zip) => zip.set(bytesOf('b'), 30),
      'has another name in its own header',
    ],
  ])('whose entry is %s is refused', (_, change, message) => {
    const zip = good.slice();
    const entry = Buffer.from(zip.buffer).indexOf(bytesOf('PK', [1, 2]));
    change(zip, new DataView(zip.buffer), entry);
    expect(faultOf(zip)).toContain(message);
  });

  it('whose entries overlap, or have one name, is refused', () => {
    const two = writeTorch({
      a: { dtype: 'f32', shape: [1], data: Float32Array.of(1) },
      b: { dtype: 'f32', shape: [1], data: Float32Array.of(2) },
    });
    const view = new DataView(two.buffer);
    const entries: number[] = [];
    for (let at = 0; at + 4 <= two.length; at++) {
      if (view.getUint32(at) === 0x504b0102) entries.push(at);
    }
    // data.pkl, byteorder, 0, 1, version
    const [, , first, second] = entries;
    const twice = two.slice();
    twice.set(two.subarray(first!, second!), second!);
    expect(faultOf(twice)).toContain('two entries are called "archive/data/0"');
    for (const at of [20, 24]) view.setUint32(first! + at, 80, true);
    expect(faultOf(two)).toContain('overlap');
  });
});
