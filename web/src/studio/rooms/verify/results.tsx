import { useComputed, useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import type { Row } from '../../../../../src/verify/rows.ts';
import { strings } from '../../strings.ts';
import { found, running } from './session.ts';

const texts = strings.verify;
/** Rows that are drawn before somebody asks for more. */
const PAGE = 200;

const SHOWN = {
  all: () => true,
  problems: ({ status }: Row) => status === 'failed' || status === 'unsupported',
} as const;
type Outcome = keyof typeof SHOWN;

const shown = (value: number): string => {
  if (value === 0) return '0';
  return Number.isNaN(value) ? '–' : value === Number.POSITIVE_INFINITY ? '∞' : value.toExponential(2);
};

const ResultRow = memo(({ row }: { readonly row: Row }) => {
  const look = row.status === 'not applicable' ? 'unsupported' : row.status;
  return (
    <tr data-status={row.status}>
      <th scope="row" class="code">
        {row.op}
      </th>
      <td class={row.message === '' ? undefined : look}>
        {row.name}
        {row.message !== '' && <span class="reason">{row.message}</span>}
      </td>
      <td>{texts.directions[row.direction]}</td>
      <td class="number">{shown(row.maxError)}</td>
      <td class="number">{shown(row.tolerance)}</td>
      <td class={`outcome ${look}`}>{texts.result[row.status]}</td>
    </tr>
  );
});

/** The table of what was found, what is wrong first, and what to show of it. */
export function Results() {
  const operation = useSignal('');
  const outcome = useSignal<Outcome>('all');
  const pages = useSignal(1);
  const operations = useComputed(() => [...new Set(found.value.rows.map(({ op }) => op))].sort());
  const { rows } = found.value;
  if (rows.length === 0) return null;
  // What was chosen in an earlier run may not be there.
  const chosen = operations.value.includes(operation.value) ? operation.value : '';
  const all = rows.filter((row) => (chosen === '' || row.op === chosen) && SHOWN[outcome.value](row));
  const some = all.slice(0, PAGE * pages.value);
  return (
    <>
      <div class="bar">
        <label class="choice">
          {texts.operation}{' '}
          <select
            value={chosen}
            onChange={(event) => {
              operation.value = event.currentTarget.value;
              pages.value = 1;
            }}
          >
            <option value="">{texts.all}</option>
            {operations.value.map((op) => (
              <option key={op}>{op}</option>
            ))}
          </select>
        </label>
        <label class="choice">
          {texts.show}{' '}
          <select
            value={outcome.value}
            onChange={(event) => {
              outcome.value = event.currentTarget.value as Outcome;
              pages.value = 1;
            }}
          >
            {Object.keys(SHOWN).map((name) => (
              <option key={name} value={name}>
                {texts.outcomes[name as Outcome]}
              </option>
            ))}
          </select>
        </label>
        <span class="soft">{texts.of(some.length, all.length)}</span>
      </div>
      {all.length === 0 && !running.value && <p class="soft">{texts.nothing}</p>}
      {all.length > 0 && (
        <table class="results checks">
          <caption class="unseen">{texts.results}</caption>
          <thead>
            <tr>
              {texts.columns.map((name, i) => (
                <th key={name} scope="col" class={i === 3 || i === 4 ? 'number' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {some.map((row) => (
              <ResultRow key={`${row.op}/${row.name}/${row.direction}`} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {some.length < all.length && (
        <button type="button" onClick={() => pages.value++}>
          {texts.more(Math.min(PAGE, all.length - some.length))}
        </button>
      )}
    </>
  );
}
