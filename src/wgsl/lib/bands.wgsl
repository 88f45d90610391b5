// bands.wgsl: what one invocation owns where the rows of each image are divided into bands (bandsOf in spatial.ts).
// needs: WORKGROUP from header;
//   p.across, p.channels, p.segments from depthwise_3x3.wgsl | depthwise_3x3_filter.wgsl | depthwise_3x3_up.wgsl |
//   max_pool2d_backward_2.wgsl | max_pool2d_rows.wgsl | resample_rows.wgsl

// All invocations of a workgroup have the same band, so that they go down its rows together.
struct Own {
  band: u32,     // of all images
  image: u32,
  segment: u32,  // which of its image's bands it is
  column: u32,   // or pair of columns; in the last workgroup also beyond the last one
  channel: u32,  // in lanes
}

fn own_part(local: u32, group: vec3u, groups: vec3u) -> Own {
  let number = group.y * groups.x + group.x;
  let band = number / p.across;
  let image = band / p.segments;
  let i = (number - band * p.across) * WORKGROUP + local;
  let column = i / p.channels;
  return Own(band, image, band - image * p.segments, column, i - column * p.channels);
}
