// lines_f32.wgsl: a line of four f32 for gemm_gpu.wgsl, as it lies in memory.

fn line_of(values: vec4f) -> vec4f { return values; }

fn values_of(line: vec4f) -> vec4f { return line; }
