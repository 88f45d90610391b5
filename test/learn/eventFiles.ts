import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { expect } from 'vitest';

/** From tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto. */
const { root } = protobuf.parse(
  `syntax = "proto3";
   package tensorflow;
   message Event {
     double wall_time = 1;
     int64 step = 2;
     oneof what { string file_version = 3; bytes graph_def = 4; Summary summary = 5; }
   }
   message Summary {
     message Value {
       string node_name = 7;
       string tag = 1;
       oneof value { float simple_value = 2; bytes obsolete_old_style_histogram = 3; }
     }
     repeated Value value = 1;
   }`,
  { keepCase: true },
);
const Event = root.lookupType('tensorflow.Event');

export interface ReadEvent {
  /** Left out where it is 0. */
  readonly step?: number;
  readonly file_version?: string;
  readonly summary?: { readonly value: readonly { readonly tag: string; readonly simple_value: number }[] };
}

/** Reads the events of the one file in a folder, by protobufjs. */
export function eventsOf(folder: string): ReadEvent[] {
  const files = readdirSync(folder);
  expect(files).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\..+\.v2$/)]);
  const bytes = readFileSync(join(folder, files[0]!));
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const event = Event.decode(bytes.subarray(at + 12, at + 12 + length));
    events.push(Event.toObject(event, { longs: Number }) as ReadEvent);
    at += length + 16;
  }
  return events;
}

/** Reads steps and values by tag. */
export function scalarsOf(folder: string): Record<string, (readonly [step: number, value: number])[]> {
  const scalars: Record<string, (readonly [number, number])[]> = {};
  for (const { step = 0, summary } of eventsOf(folder)) {
    for (const { tag, simple_value } of summary?.value ?? []) {
      scalars[tag] ??= [];
      scalars[tag].push([step, simple_value]);
    }
  }
  return scalars;
}
