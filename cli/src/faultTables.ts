import type { FaultLog } from './faultLog.ts';
import type { ReportTable } from './report.ts';

const MOST_FAULTS = 50;

/** What could not be used, or was changed. */
export function faultTables({ faults }: FaultLog): ReportTable[] {
  if (faults.length === 0) return [];
  const kinds = new Map<string, { level: string; kind: string; count: number }>();
  for (const { level, kind } of faults) {
    const row = kinds.get(`${level} ${kind}`) ?? { level, kind, count: 0 };
    row.count++;
    kinds.set(`${level} ${kind}`, row);
  }
  const sorted = [...kinds.values()].sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
  const rest = faults.length - MOST_FAULTS;
  return [
    {
      title: 'Faults',
      header: ['kind', 'count', 'of'],
      rows: sorted.map(({ level, kind, count }) => [kind, `${count}`, level]),
      note: 'Everything but notes is left out. --report-bad writes all of it to a file.',
    },
    {
      title: 'Each fault',
      header: ['what is wrong'],
      rows: faults.slice(0, MOST_FAULTS).map(({ message }) => [message]),
      ...(rest > 0 ? { note: `${rest} more.` } : {}),
    },
  ];
}
