/**
 * A machine for Python's pickles, protocols 0 to 5, that builds plain values and never calls anything. What a pickle would import
 * stays a name (`Global`); what it would call goes to the `PickleHost`. CPython, Lib/pickletools.py, describes the opcodes.
 */
import { DataError } from '../../errors.ts';
import { DAMAGED, PickleFault, PickleInput } from './pickleInput.ts';

/** A class or function by its name. It is never imported. */
export class Global {
  /** `collections.OrderedDict`. Names of Python 2 are those of Python 3. */
  readonly path: string;

  constructor(module: string, name: string) {
    this.path = `${PYTHON2[module] ?? module}.${name}`;
  }
}

const PYTHON2: Readonly<Record<string, string>> = { __builtin__: 'builtins', copy_reg: 'copyreg' };

/** What a pickle makes by calling, in terms of its reader. Each may throw `PickleFault`. */
export interface PickleHost {
  /** A class or function that the pickle names. */
  global(found: Global): unknown;
  /** The result of a call: of a function, or of a class that makes an object. */
  call(callee: unknown, args: readonly unknown[]): unknown;
  /** Gives an object its state. Returns the object to go on with. */
  build(target: unknown, state: unknown): unknown;
  /** Adds to an object that is no list, dict or set: a value, or a key and a value. */
  add(target: unknown, key: unknown, value: unknown): void;
  /** An object that is stored outside of the pickle. */
  persistent(id: unknown): unknown;
}

/** The containers that one pickle may make: a limit of memory and time. Large checkpoints have tens of thousands. */
const MAX_CONTAINERS = 500_000;
/** The longest name of a class with its module. */
const MAX_NAME = 1000;
/** The most values on the stack: far over a dict of all tensors of a large model. */
const MAX_STACK = 10_000_000;

/** The stack machine. A mark is the height of the stack below which an opcode may not reach. */
class Machine {
  readonly #input: PickleInput;
  readonly #host: PickleHost;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #containers = 0;

  constructor(input: PickleInput, host: PickleHost) {
    this.#input = input;
    this.#host = host;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.#input.byte();
      if (opcode === 0x2e) return this.#pop();
      this.#step(opcode);
      if (this.#stack.length > MAX_STACK) {
        throw new PickleFault('holds more values at once than any state dict', 'save the state dict alone');
      }
    }
  }

  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw new PickleFault('takes a value where there is none', DAMAGED);
    }
    return this.#stack.pop();
  }

  #top(): unknown {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #several(count: number): unknown[] {
    const values: unknown[] = [];
    for (let i = 0; i < count; i++) values.push(this.#pop());
    return values.reverse();
  }

  /** The values since the last mark. */
  #marked(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new PickleFault('takes values from a mark where there is none', DAMAGED);
    return this.#stack.splice(mark);
  }

  /** Pushes a container. */
  #make(value: unknown): void {
    if (++this.#containers > MAX_CONTAINERS) {
      throw new PickleFault(
        `makes more than ${MAX_CONTAINERS.toLocaleString('en')} lists, dicts and objects`,
        'save the state dict alone',
      );
    }
    this.#stack.push(value);
  }

  #global(module: string, name: string): void {
    if (module.length + name.length > MAX_NAME) throw new PickleFault('a class has too long a name', DAMAGED);
    this.#stack.push(this.#host.global(new Global(module, name)));
  }

  #call(callee: unknown, args: unknown): void {
    if (!Array.isArray(args)) throw new PickleFault('a call has no tuple of arguments', DAMAGED);
    this.#make(this.#host.call(callee, args));
  }

  #remember(key: number): void {
    if (!Number.isSafeInteger(key)) throw new PickleFault('a place of its memory is no number', DAMAGED);
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): void {
    if (!this.#memo.has(key)) throw new PickleFault(`takes what it did not remember (${key})`, DAMAGED);
    this.#stack.push(this.#memo.get(key));
  }

  #append(target: unknown, values: readonly unknown[]): void {
    for (const value of values) {
      if (Array.isArray(target)) target.push(value);
      else if (target instanceof Set) target.add(value);
      else this.#host.add(target, undefined, value);
    }
  }

  #setItems(target: unknown, values: readonly unknown[]): void {
    if (values.length % 2 !== 0) throw new PickleFault('a key of a dict has no value', DAMAGED);
    for (let i = 0; i < values.length; i += 2) {
      if (target instanceof Map) target.set(values[i], values[i + 1]);
      else this.#host.add(target, values[i], values[i + 1]);
    }
  }

  #dict(values: readonly unknown[]): Map<unknown, unknown> {
    const dict = new Map<unknown, unknown>();
    this.#setItems(dict, values);
    return dict;
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    const input = this.#input;
    switch (String.fromCharCode(opcode)) {
      case '\x80':
        if (input.byte() > 5) throw new PickleFault('has a protocol over 5', 'save it with protocol 2');
        return;
      case '\x95':
        input.u64();
        return;
      case '(':
        this.#marks.push(stack.length);
        return;
      case '0':
        // A mark on top is what POP removes.
        if (this.#marks.at(-1) === stack.length) this.#marks.pop();
        else this.#pop();
        return;
      case '1':
        this.#marked();
        return;
      case '2':
        stack.push(this.#top());
        return;
      case 'N':
        stack.push(null);
        return;
      case '\x88':
        stack.push(true);
        return;
      case '\x89':
        stack.push(false);
        return;
      case 'I': {
        const text = input.line();
        stack.push(text === '01' ? true : text === '00' ? false : input.decimal(text));
        return;
      }
      case 'L':
        stack.push(input.decimal(input.line()));
        return;
      case 'J':
        stack.push(input.i32());
        return;
      case 'K':
        stack.push(input.byte());
        return;
      case 'M':
        stack.push(input.u16());
        return;
      case '\x8a':
        stack.push(input.integer(input.byte()));
        return;
      case '\x8b':
        stack.push(input.integer(input.u32()));
        return;
      case 'F':
        stack.push(input.float());
        return;
      case 'G':
        stack.push(input.f64());
        return;
      case 'S':
        stack.push(input.line().replace(/^(['"])(.*)\1$/s, '$2'));
        return;
      case 'V':
        stack.push(input.line());
        return;
      case 'T':
      case 'X':
        stack.push(input.text(input.u32()));
        return;
      case 'U':
      case '\x8c':
        stack.push(input.text(input.byte()));
        return;
      case '\x8d':
        stack.push(input.text(input.u64()));
        return;
      case 'C':
        stack.push(input.slice(input.byte()));
        return;
      case 'B':
        stack.push(input.slice(input.u32()));
        return;
      case '\x8e':
      case '\x96':
        stack.push(input.slice(input.u64()));
        return;
      case ']':
      case ')':
        this.#make([]);
        return;
      case '}':
        this.#make(new Map());
        return;
      case '\x8f':
        this.#make(new Set());
        return;
      case 'l':
      case 't':
        this.#make(this.#marked());
        return;
      case '\x85':
      case '\x86':
      case '\x87':
        this.#make(this.#several(opcode - 0x84));
        return;
      case 'd':
        this.#make(this.#dict(this.#marked()));
        return;
      case '\x91':
        this.#make(new Set(this.#marked()));
        return;
      case 'a':
      case 'e':
      case '\x90': {
        const values = opcode === 0x61 ? [this.#pop()] : this.#marked();
        this.#append(this.#top(), values);
        return;
      }
      case 's':
      case 'u': {
        const values = opcode === 0x73 ? this.#several(2) : this.#marked();
        this.#setItems(this.#top(), values);
        return;
      }
      case 'c':
        this.#global(input.line(), input.line());
        return;
      case '\x93': {
        const [module, name] = this.#several(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          throw new PickleFault('a class has no name', DAMAGED);
        }
        this.#global(module, name);
        return;
      }
      case 'R':
      case '\x81': {
        const [callee, args] = this.#several(2);
        this.#call(callee, args);
        return;
      }
      case '\x92': {
        const [callee, args] = this.#several(3);
        this.#call(callee, args);
        return;
      }
      case 'i': {
        const args = this.#marked();
        this.#global(input.line(), input.line());
        this.#call(this.#pop(), args);
        return;
      }
      case 'o': {
        const [callee, ...args] = this.#marked();
        this.#call(callee, args);
        return;
      }
      case 'b': {
        const state = this.#pop();
        stack.push(this.#host.build(this.#pop(), state));
        return;
      }
      case 'P':
        stack.push(this.#host.persistent(input.line()));
        return;
      case 'Q':
        stack.push(this.#host.persistent(this.#pop()));
        return;
      case 'p':
        this.#remember(Number(input.line()));
        return;
      case 'q':
        this.#remember(input.byte());
        return;
      case 'r':
        this.#remember(input.u32());
        return;
      case '\x94':
        this.#remember(this.#memo.size);
        return;
      case 'g':
        this.#recall(Number(input.line()));
        return;
      case 'h':
        this.#recall(input.byte());
        return;
      case 'j':
        this.#recall(input.u32());
        return;
      default:
        throw new PickleFault(`has the opcode 0x${opcode.toString(16)}, which is not known here`, DAMAGED);
    }
  }
}

/**
 * Reads one pickle.
 *
 * @param bytes The file, or the entry of an archive.
 * @param start Where the pickle begins in it.
 * @param where What messages begin with.
 * @param host Answers for classes, calls and stored objects.
 * @returns Its value: null, booleans, numbers (bigint outside of ±2^53), strings, Uint8Array, arrays for lists and tuples, Map, Set,
 * and what the host made; and the place after it.
 * @throws DataError with the place, for a damaged pickle and what the host refuses.
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  where: string,
  host: PickleHost,
): { value: unknown; end: number } {
  const input = new PickleInput(bytes, start);
  try {
    const value = new Machine(input, host).run();
    return { value, end: input.at };
  } catch (cause) {
    // Maps, sets and arrays of the engine have limits of their own.
    if (cause instanceof RangeError) {
      throw new DataError(`${where}: pickle: too large to be read; save the state dict alone`, { cause });
    }
    if (!(cause instanceof PickleFault)) throw cause;
    throw new DataError(`${where}: pickle, before byte ${input.at}: ${cause.message}; ${cause.fix}`, {
      cause,
    });
  }
}
