import { atOnce } from './slices.ts';
import { isWritten, type Lowered, type Storage, sizeOf } from './storage.ts';

/** Where a temporary storage lies: in a slot, a buffer that it shares with others, from this byte on. */
export interface Place {
  readonly slot: number;
  readonly offset: number;
}

export interface MemoryPlan {
  readonly placeOf: ReadonlyMap<Storage, Place>;
  readonly slotSizes: readonly number[];
  /** The most bytes of temporaries that are alive at one time: no plan can need less. */
  readonly lowerBound: number;
}

/** Bytes between places where a buffer may be bound, on every device. */
const ALIGNMENT = 256;

/** Of the lower bound: a plan that takes so much is not improved upon. */
const GOOD = 1.02;
/** One that takes more than this is repaired. */
const ENOUGH = 1.15;
/** Placements that repairs may take in all, so that they end within some milliseconds. */
const MOST_PLACEMENTS = 8_000;

/** A storage, and the operations (inclusive) that it lives through. */
interface Span {
  readonly storage: Storage;
  readonly size: number;
  readonly from: number;
  to: number;
  /** What a dispatch reads where it writes this one, or the reverse. */
  readonly apart: Set<Span>;
  /** Those of them that can never lie in one buffer: a dispatch reads one twice, and may not bind it as writable twice. */
  readonly strictlyApart: Set<Span>;
}

/**
 * Places storages by liveness. One is alive from the operation that writes it first to the last one that touches it; an
 * operation's scratch only while it runs. Largest first, each goes where others leave a gap during its life. WebGPU tracks
 * whole buffers, so that no dispatch may bind one buffer for reading and for writing: what is read and written in one
 * dispatch goes into different slots. Where that costs too much memory (small networks with a few large tensors), a gap
 * beside what the dispatch writes is taken all the same, and `Program` binds the read one as writable, as WebGPU allows.
 * Plans that take too much are repaired: what made a slot grow is placed earlier.
 */
export const planMemory = (...given: Parameters<typeof planningMemory>): MemoryPlan =>
  atOnce(planningMemory(...given));

/** The same, with rests on the way. */
export function* planningMemory(
  lowered: Lowered,
  maxSlotSize = Number.POSITIVE_INFINITY,
): Generator<void, MemoryPlan> {
  const { spans, lowerBound } = liveness(lowered);
  const longFirst = (a: Span, b: Span) => b.to - b.from - (a.to - a.from);
  const orders = [
    spans.toSorted((a, b) => b.size - a.size || a.from - b.from),
    spans.toSorted((a, b) => b.size - a.size || longFirst(a, b) || a.from - b.from),
  ];
  let best: Placement | undefined;
  function* attempt(
    order: readonly Span[],
    options: Omit<PlaceOptions, 'maxSlotSize'>,
  ): Generator<void, Placement> {
    const made = yield* place(order, { ...options, maxSlotSize });
    if (!best || made.bytes < best.bytes) best = made;
    return made;
  }
  const reached = (ratio: number) => best !== undefined && best.bytes <= ratio * lowerBound;
  for (const mixed of [false, true]) {
    const options = [false, true].flatMap((tight) => orders.map((order) => ({ order, tight, mixed })));
    const first: Placement[] = [];
    for (const option of options) {
      if (!reached(GOOD)) first.push(yield* attempt(option.order, option));
    }
    if (reached(ENOUGH)) break;
    const least = Math.min(...first.map(({ bytes }) => bytes));
    const at = first.findIndex(({ bytes }) => bytes === least);
    let { order } = options[at]!;
    let made = first[at]!;
    for (let left = MOST_PLACEMENTS; left > 0 && !reached(ENOUGH); left -= spans.length) {
      order = repaired(order, made);
      made = yield* attempt(order, options[at]!);
    }
    if (reached(ENOUGH)) break;
  }
  const { placeOf, slotSizes } = best!;
  return { placeOf, slotSizes, lowerBound };
}

/** What made a slot grow comes earlier the next time (Joslin and Clements 1999, Squeaky wheel optimization). */
function repaired(order: readonly Span[], { grown }: Placement): Span[] {
  const ranks = new Map(order.map((span, i) => [span, i]));
  for (const span of grown) ranks.set(span, 0.6 * ranks.get(span)! - 0.5);
  return order.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!);
}

function liveness({ ops }: Lowered): { spans: Span[]; lowerBound: number } {
  const spans = new Map<Storage, Span>();
  const changes = new Float64Array(ops.length + 1);
  ops.forEach((op, i) => {
    for (const storage of [...op.reads, ...op.writes, ...op.scratch]) {
      if (storage.kept || storage.home) continue;
      const known = spans.get(storage);
      if (known) known.to = i;
      else {
        const apart = { apart: new Set<Span>(), strictlyApart: new Set<Span>() };
        spans.set(storage, { storage, size: sizeOf(storage), from: i, to: i, ...apart });
      }
    }
    for (const dispatch of op.dispatches) {
      const [read, written]: [Span[], Span[]] = [[], []];
      for (const { index, storage } of dispatch.bindings) {
        const span = spans.get(storage);
        if (span) (isWritten(dispatch, index) ? written : read).push(span);
      }
      for (const a of written) {
        for (const b of read) {
          a.apart.add(b);
          b.apart.add(a);
          if (read.indexOf(b) === read.lastIndexOf(b)) continue;
          a.strictlyApart.add(b);
          b.strictlyApart.add(a);
        }
      }
    }
  });
  for (const { from, to, size } of spans.values()) {
    changes[from]! += size;
    changes[to + 1]! -= size;
  }
  let alive = 0;
  const lowerBound = changes.reduce((most, change) => {
    alive += change;
    return Math.max(most, alive);
  }, 0);
  return { spans: [...spans.values()], lowerBound };
}

interface Slot {
  size: number;
  /** By offset. */
  readonly tenants: { readonly span: Span; readonly offset: number; readonly end: number }[];
}

/** A place for a span, and the bytes that the slot must grow by, or that are left of the gap. */
interface Gap {
  readonly slot: Slot;
  readonly offset: number;
  readonly growth: number;
  readonly left: number;
}

interface Placement extends Omit<MemoryPlan, 'lowerBound'> {
  readonly bytes: number;
  /** The spans that slots grew for. */
  readonly grown: readonly Span[];
}

interface PlaceOptions {
  /** Put side by side what a dispatch reads and writes, rather than take more memory. */
  readonly mixed: boolean;
  /** Take the smallest gap that is large enough, not the first. */
  readonly tight: boolean;
  readonly maxSlotSize: number;
}

/**
 * Spans in this order, each in the first or tightest gap of a slot; else one slot grows, or there is a new one. A rest after
 * each span.
 */
function* place(
  order: readonly Span[],
  { mixed, tight, maxSlotSize }: PlaceOptions,
): Generator<void, Placement> {
  const slots: Slot[] = [];
  const grown: Span[] = [];
  const slotOf = new Map<Span, Slot>();
  const better = (a: Gap, b: Gap | undefined) =>
    !b || a.growth < b.growth || (a.growth === b.growth && tight && a.left < b.left);
  for (const span of order) {
    const slotsOf = (spans: ReadonlySet<Span>) => new Set([...spans].map((other) => slotOf.get(other)));
    const apart = slotsOf(span.apart);
    const strictlyApart = mixed ? slotsOf(span.strictlyApart) : apart;
    let best: Gap | undefined;
    let beside: Gap | undefined;
    for (const slot of slots) {
      if (strictlyApart.has(slot)) continue;
      const shared = apart.has(slot);
      const gap = gapIn(slot, span, tight);
      if (slot.size + gap.growth > maxSlotSize) continue;
      if (shared) beside = better(gap, beside) ? gap : beside;
      else best = better(gap, best) ? gap : best;
      if (best?.growth === 0 && !tight) break;
    }
    if (beside && (!best || beside.growth < best.growth)) best = beside;
    if (!best || best.growth >= span.size) {
      best = { slot: { size: 0, tenants: [] }, offset: 0, growth: span.size, left: 0 };
      slots.push(best.slot);
    }
    const { slot, offset, growth } = best;
    if (growth > 0) grown.push(span);
    const end = offset + Math.ceil(span.size / ALIGNMENT) * ALIGNMENT;
    const after = slot.tenants.findIndex((tenant) => tenant.offset > offset);
    slot.tenants.splice(after < 0 ? slot.tenants.length : after, 0, { span, offset, end });
    slot.size = Math.max(slot.size, offset + span.size);
    slotOf.set(span, slot);
    yield;
  }
  const placeOf = new Map<Storage, Place>();
  slots.forEach(({ tenants }, slot) => {
    for (const { span, offset } of tenants) placeOf.set(span.storage, { slot, offset });
  });
  const slotSizes = slots.map(({ size }) => size);
  return { placeOf, slotSizes, bytes: slotSizes.reduce((sum, size) => sum + size, 0), grown };
}

/** The first or tightest gap between the tenants that are alive with the span; else the slot's end. */
function gapIn(slot: Slot, { from, to, size }: Span, tight: boolean): Gap {
  let offset = 0;
  let best = -1;
  let left = Number.POSITIVE_INFINITY;
  for (const tenant of slot.tenants) {
    if (tenant.span.to < from || tenant.span.from > to) continue;
    const over = tenant.offset - offset - size;
    if (over >= 0 && over < left) {
      [best, left] = [offset, over];
      if (!tight) break;
    }
    if (tenant.end > offset) offset = tenant.end;
  }
  const over = slot.size - offset - size;
  if (best >= 0 && (!tight || over < 0 || over >= left)) return { slot, offset: best, growth: 0, left };
  return { slot, offset, growth: Math.max(0, -over), left: Math.max(0, over) };
}
