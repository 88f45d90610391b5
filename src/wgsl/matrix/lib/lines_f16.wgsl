// lines_f16.wgsl: a line of four f16 for gemm_gpu.wgsl, as it lies in memory: in two words, since compilers take apart and
// wait for halves where two branches meet.

fn line_of(values: vec4<f16>) -> vec2u { return bitcast<vec2u>(values); }

fn values_of(line: vec2u) -> vec4f { return vec4f(bitcast<vec4<f16>>(line)); }
