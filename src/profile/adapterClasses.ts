import { type Caps, REGISTERS, REGISTERS_OF_MOST } from '../device/caps.ts';

/** What a prediction takes of an adapter. */
export interface AdapterClass {
  /** What it is called in options and files. */
  readonly name: string;
  /** What it is called in tables. */
  readonly title: string;
  /** f32 multiplications and additions at most, in 1e9 a second. */
  readonly gflops: number;
  /** Bytes that memory moves at most, in 1e9 a second. */
  readonly gbps: number;
  /** Multiprocessors, compute units, cores: a dispatch of fewer workgroups leaves some of them idle. */
  readonly units: number;
  /** What a dispatch takes besides its work, in microseconds. */
  readonly launchMicroseconds: number;
  /** The share of `gflops` that products reach, and of `gbps` that reads and writes reach. */
  readonly efficiency: { readonly compute: number; readonly memory: number };
  /** Where the figures are from. */
  readonly source: string;
  /** What kernels are planned for. */
  readonly caps: Caps;
}

/** Of products: the share of multiply-adds in the hottest block of the tiles is 70 to 90 % (docs/gpu.md), and there is more around it. */
const COMPUTE = 0.6;
/** Of published bandwidths a copy reaches 80 to 90 %. */
const MEMORY = 0.85;

/** What browsers let a GPU bind; of phones WebGPU's default. */
const [LARGE, SMALL] = [2 ** 31 - 4, 2 ** 27];

const gpu = (
  name: string,
  title: string,
  figures: Pick<AdapterClass, 'gflops' | 'gbps' | 'units' | 'launchMicroseconds'>,
  source: string,
  { vendor = '', maxBindingSize = LARGE, workgroupBytes = 32768 } = {},
): AdapterClass => ({
  name,
  title,
  ...figures,
  efficiency: { compute: COMPUTE, memory: MEMORY },
  source,
  caps: {
    family: 'tile',
    subgroupSize: 0,
    f16: true,
    maxBindingSize,
    maxStorageBuffers: 10,
    workgroupBytes,
    registers: REGISTERS[vendor] ?? REGISTERS_OF_MOST,
  },
});

/**
 * Adapters whose times can be predicted, by name: published peaks of f32 and memory. What a dispatch takes besides its work is
 * published by nobody; these are guesses for dispatches of one pass that wait for each other.
 */
export const ADAPTER_CLASSES = {
  h100: gpu(
    'h100',
    'NVIDIA H100 SXM',
    { gflops: 67_000, gbps: 3350, units: 132, launchMicroseconds: 4 },
    'NVIDIA H100 data sheet: 67 TFLOP/s FP32, 3.35 TB/s; 132 multiprocessors',
    { workgroupBytes: 49152 },
  ),
  rtx4090: gpu(
    'rtx4090',
    'NVIDIA RTX 4090',
    { gflops: 82_600, gbps: 1008, units: 128, launchMicroseconds: 4 },
    'NVIDIA Ada GPU architecture: 82.6 TFLOP/s FP32, 1008 GB/s, 128 multiprocessors',
    { workgroupBytes: 49152 },
  ),
  rx7900xtx: gpu(
    'rx7900xtx',
    'AMD RX 7900 XTX',
    { gflops: 61_400, gbps: 960, units: 96, launchMicroseconds: 5 },
    'AMD: 61.4 TFLOP/s FP32 where both halves of its units have work, 960 GB/s, 96 compute units',
  ),
  vega8: gpu(
    'vega8',
    'AMD Vega 8',
    { gflops: 2048, gbps: 51.2, units: 8, launchMicroseconds: 8 },
    'AMD, of the Ryzen 7 5700G: 8 compute units (512 lanes) at 2 GHz; two channels of DDR4-3200, shared with the CPU',
  ),
  m1: gpu(
    'm1',
    'Apple M1',
    { gflops: 2600, gbps: 68.3, units: 8, launchMicroseconds: 10 },
    'Apple: 2.6 TFLOP/s, 8 cores; 128 bit of LPDDR4X-4266, shared with the CPU',
    { vendor: 'apple' },
  ),
  adreno740: gpu(
    'adreno740',
    'Adreno 740',
    { gflops: 2089, gbps: 67.2, units: 6, launchMicroseconds: 20 },
    'Of the Snapdragon 8 Gen 2; Qualcomm publishes no peak: 1536 lanes at 680 MHz, as databases of GPUs have it; 64 bit of LPDDR5X-8400',
    { vendor: 'qualcomm', maxBindingSize: SMALL },
  ),
} as const satisfies Record<string, AdapterClass>;

/** The names of `ADAPTER_CLASSES`. */
export type AdapterClassName = keyof typeof ADAPTER_CLASSES;
