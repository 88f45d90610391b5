// local_response_norm_backward.wgsl: dx = dy * denominator ^ -beta - 2 * alpha / size * beta * x * sum of terms.
// One invocation owns one element; nothing is shared. Reads the window of x, and of the terms the mirrored window: those
// of the channels that have this one in theirs.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; epilogue from epilogue_none.wgsl | fused.ts;
//   denominator, p.after, p.before, p.beta, p.scale, p.total, window_of, x from channel_window.wgsl

@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read> terms: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let window = window_of(i, p.after, p.before);
  var sum = 0.0;
  for (var j = window.x; j < window.y; j++) { sum += terms[j]; }
  let direct = f32(dy[i]) / pow(denominator(i), p.beta);
  dx[i] = T(epilogue(direct - 2.0 * p.scale * p.beta * f32(x[i]) * sum, i));
}
