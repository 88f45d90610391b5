// nms_labels.wgsl: the label of a box, from a tensor.

@group(0) @binding(7) var<storage, read> labels: array<i32>;

fn label_of(i: u32) -> i32 {
  return labels[i];
}
