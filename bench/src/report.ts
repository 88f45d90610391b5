import { escaped, NAMES, ratioPlot, rooflinePlot } from './plots.ts';
import type { PeerName, PeerResult, ResultRow, Results } from './results.ts';
import { short, summary } from './table.ts';

const STYLE = `
body{margin:0;background:#f6f8fa;color:#1b1f24;font:15px/1.5 system-ui,sans-serif}
main{max-width:1240px;margin:0 auto;padding:32px 20px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:32px 0 10px}
.soft{color:#57606a}.wide{overflow-x:auto;background:#fff;border:1px solid #d0d7de;border-radius:8px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:4px 8px;text-align:right;border-top:1px solid #d0d7de;white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{border-top:0;color:#57606a}
td.behind{background:#fff3d6;font-weight:600}td.failed{background:#ffd8d3;font-weight:600}
figure{margin:0 0 16px;padding:8px;background:#fff;border:1px solid #d0d7de;border-radius:8px}
svg{display:block;width:100%;height:auto}li{margin:2px 0}
`;

const cell = (value: string, kind = ''): string => `<td${kind && ` class="${kind}"`}>${escaped(value)}</td>`;

function peerCells(result: PeerResult | undefined, ratio: number | undefined): string {
  if (!result) return cell('') + cell('');
  if ('cannot' in result) return `<td title="${escaped(result.cannot)}">cannot</td>${cell('')}`;
  if ('failed' in result)
    return `<td class="failed" title="${escaped(result.failed)}">failed</td>${cell('')}`;
  const note = result.note === undefined ? '' : ` title="${escaped(result.note)}"`;
  const time = `<td${note}>${short(result.medianMs)}${result.onCpu ? '*' : ''}</td>`;
  return time + cell(`${short(ratio)}x`, ratio !== undefined && ratio <= 1 ? 'behind' : '');
}

function tableRow(row: ResultRow, peers: readonly PeerName[]): string {
  const { name, medianMs, spreadMs, gpuMs, flops, gflops, gbps, shareOfLimit, firstMs, jsMs, peakBytes } =
    row;
  const own = [
    `${short(medianMs)} ± ${short(spreadMs)}`,
    short(gpuMs),
    flops > 0 ? short(gflops) : '–',
    short(gbps),
    `${Math.round(100 * shareOfLimit)} %`,
    short(firstMs),
    short(jsMs),
    peakBytes === undefined ? '–' : short(peakBytes / 1e6),
  ];
  const theirs = peers.map((peer) => peerCells(row.peers[peer], row.ratio[peer]));
  return `<tr>${cell(name)}${own.map((value) => cell(value)).join('')}${theirs.join('')}</tr>`;
}

/** The results as one HTML file that loads nothing. */
export function renderReport(results: Results): string {
  const { adapter, software, date, quick, versions, limits, rows } = results;
  const peers = (Object.keys(NAMES) as PeerName[]).filter((peer) =>
    rows.some((row) => row.peers[peer] !== undefined),
  );
  const heads = ['ms', 'GPU ms', 'GFLOP/s', 'GB/s', 'of limit', 'first ms', 'JS ms', 'MB'];
  const peerHeads = peers.flatMap((peer) => [`${NAMES[peer]} ms`, 'ratio']);
  const versionText = Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  const plots = [ratioPlot(rows, peers), rooflinePlot(rows, limits)].filter((plot) => plot !== '');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Fovea’s bench: ${escaped(adapter)}</title>
<style>${STYLE}</style>
</head>
<body><main>
<h1>Fovea’s bench</h1>
<p class="soft">${escaped(adapter)}${software ? ' (software: runs on the CPU)' : ''} · ${escaped(date.slice(0, 16).replace('T', ' '))} UTC · ${escaped(versionText)}${quick ? ' · quick' : ''}</p>
<p>Measured limits of this adapter: ${short(limits.gflops)} GFLOP/s of f32 multiply-adds, ${short(limits.gbps)} GB/s copied. Times are medians ± interquartile range; a ratio is the peer’s time over Fovea’s.</p>
<ul>${summary(results, peers)
    .map((text) => `<li>${escaped(text)}</li>`)
    .join('')}</ul>
${plots.map((plot) => `<figure>${plot}</figure>`).join('\n')}
<h2>All rows</h2>
<div class="wide"><table><thead><tr><th>workload</th>${[...heads, ...peerHeads].map((head) => `<th>${escaped(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.map((row) => tableRow(row, peers)).join('\n')}</tbody></table></div>
</main></body>
</html>
`;
}
