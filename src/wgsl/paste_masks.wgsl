// paste_masks.wgsl: masks of boxes, enlarged to their boxes and put where these lie in the image.
// One invocation owns one pixel of one mask. Moves 1 element a pixel, and up to 4 inside of the box.

struct Params {
  total: u32,    // elements of y
  height: u32,
  width: u32,
  size: u32,     // side of a mask
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> masks: array<T>;
@group(0) @binding(2) var<storage, read> boxes: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

// A mask with a border of zeros, one cell wide.
fn cell(mask: u32, row: i32, column: i32) -> f32 {
  let inside = (row >= 1) & (row <= i32(p.size)) & (column >= 1) & (column <= i32(p.size));
  let at = mask * p.size * p.size + u32(select(0, row - 1, inside)) * p.size + u32(select(0, column - 1, inside));
  return select(0.0, f32(masks[at]), inside);
}

// Where output cell `at` of `length` lies between the cells of the bordered mask: first, second and the second's share.
struct Place { near: i32, far: i32, share: f32 }
fn place(at: i32, length: i32) -> Place {
  let cells = i32(p.size) + 2;
  let position = max((f32(at) + 0.5) * (f32(cells) / f32(length)) - 0.5, 0.0);
  let near = min(i32(position), cells - 1);
  return Place(near, min(near + 1, cells - 1), position - f32(near));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let column = i32(i % p.width);
  let row = i32((i / p.width) % p.height);
  let mask = i / (p.width * p.height);
  let low = vec2f(boxes[mask * 4u], boxes[mask * 4u + 1u]);
  let high = vec2f(boxes[mask * 4u + 2u], boxes[mask * 4u + 3u]);
  // The border makes the box larger in the same proportion.
  let half = (high - low) * 0.5 * (f32(p.size + 2u) / f32(p.size));
  let centre = (high + low) * 0.5;
  let start = vec2i(centre - half);
  let end = vec2i(centre + half);
  let extent = max(end - start + 1, vec2i(1));
  let at = vec2i(column, row) - start;
  if (any(at < vec2i(0)) || any(at >= extent)) {
    y[i] = T(0.0);
    return;
  }
  let across = place(at.x, extent.x);
  let down = place(at.y, extent.y);
  let above = mix(cell(mask, down.near, across.near), cell(mask, down.near, across.far), across.share);
  let below = mix(cell(mask, down.far, across.near), cell(mask, down.far, across.far), across.share);
  y[i] = T(mix(above, below, down.share));
}
