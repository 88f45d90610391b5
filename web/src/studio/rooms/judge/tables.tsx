import type { Confusion, DetectorEvaluation, Evaluation } from '../../learn/judged.ts';
import { Plot } from '../../plot.tsx';
import { Scrolling } from '../../scrolling.tsx';
import { strings } from '../../strings.ts';

const texts = strings.judge;
const { names } = texts;

/** A share with three digits; a dash for one that there is not. */
export const fixed = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(3);

/** What a model comes to in all, most important first. */
function totals(
  evaluation: Evaluation,
): readonly (readonly [name: string, value: number, meaning?: string])[] {
  switch (evaluation.task) {
    case 'detect': {
      const { result, segm, best } = evaluation;
      return [
        [names.ap, result.ap, texts.meanings.ap],
        [names.ap50, result.ap50],
        ...(segm ? ([[names.maskAp, segm.ap]] as const) : []),
        ...(best
          ? ([
              [names.precision, best.precision, texts.meanings.best(best.threshold.toFixed(2))],
              [names.recall, best.recall, texts.meanings.best(best.threshold.toFixed(2))],
            ] as const)
          : []),
      ];
    }
    case 'segment':
      return [
        [names.iou, evaluation.iou, texts.meanings.iou],
        [names.dice, evaluation.dice],
        [names.pixelAccuracy, evaluation.pixelAccuracy],
      ];
    case 'classify':
      return [
        [names.accuracy, evaluation.accuracy],
        ...(evaluation.top5 === undefined ? [] : ([[names.top5, evaluation.top5]] as const)),
        [names.f1, evaluation.macro.f1],
      ];
  }
}

export const Totals = ({ evaluation }: { readonly evaluation: Evaluation }) => (
  <dl class="totals" aria-label={texts.metrics}>
    {totals(evaluation).map(([name, value, meaning]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{fixed(value)}</dd>
        {meaning && <dd class="soft">{meaning}</dd>}
      </div>
    ))}
  </dl>
);

/** The columns and rows of the table by class. */
function classTable(evaluation: Evaluation): {
  header: string[];
  rows: [label: string, ...cells: string[]][];
} {
  switch (evaluation.task) {
    case 'detect': {
      const { result, segm } = evaluation;
      return {
        header: [names.ap, names.ap50, ...(segm ? [names.maskAp] : []), names.objects],
        rows: result.perClass.map(({ label, ap, ap50, groundTruths }, i) => [
          ...([label, fixed(ap), fixed(ap50)] as const),
          ...(segm ? [fixed(segm.perClass[i]?.ap)] : []),
          groundTruths.toLocaleString('en'),
        ]),
      };
    }
    case 'segment':
      return {
        header: ['IoU', 'Dice', names.precision, names.recall],
        rows: evaluation.perClass.map(({ label, iou, dice, precision, recall }) => [
          ...([label, fixed(iou), fixed(dice), fixed(precision), fixed(recall)] as const),
        ]),
      };
    case 'classify':
      return {
        header: [names.precision, names.recall, 'F1', names.pictures],
        rows: evaluation.perClass.map(({ label, precision, recall, f1, support }) => [
          ...([label, fixed(precision), fixed(recall), fixed(f1), support.toLocaleString('en')] as const),
        ]),
      };
  }
}

export function ByClass({ evaluation }: { readonly evaluation: Evaluation }) {
  const { header, rows } = classTable(evaluation);
  return (
    <table>
      <caption>{texts.byClass}</caption>
      <thead>
        <tr>
          <th scope="col">{texts.class}</th>
          {header.map((name) => (
            <th key={name} scope="col" class="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([label, ...cells]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            {cells.map((cell, i) => (
              <td key={header[i]} class="number">
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** More curves than this are no longer told apart: those of the classes with the most objects are drawn. */
const CURVES = 6;

/** Precision over recall at IoU 0.5, of all classes and of each. */
export function Curve({ evaluation: { result } }: { readonly evaluation: DetectorEvaluation }) {
  const classes =
    result.perClass.length < 2
      ? []
      : result.perClass.toSorted((a, b) => b.groundTruths - a.groundTruths).slice(0, CURVES);
  const curves = [
    { name: texts.allClasses, ap: result.ap50, curve: result.precisionRecall },
    ...classes.map(({ label, ap50, precisionRecall }) => ({ name: label, ap: ap50, curve: precisionRecall })),
  ];
  return (
    <Plot
      title={texts.curve}
      alt={texts.curveAlt(fixed(result.ap50))}
      xLabel={names.recall}
      yLabel={names.precision}
      xDomain={[0, 1]}
      yDomain={[0, 1.02]}
      width={520}
      series={curves.map(({ name, ap, curve: { recall, precision } }) => {
        const points = Array.from(recall, (x, i) => [x, precision[i]!] as const);
        // Nothing is known left of the first detection: the curve begins with its precision.
        const [first] = points;
        return {
          name: `${name} (AP ${fixed(ap)})`,
          points: first && first[0] > 0 ? [[0, first[1]], ...points] : points,
          area: curves.length === 1,
        };
      })}
    />
  );
}

export function ConfusionTable({ confusion: { names: classes, counts } }: { readonly confusion: Confusion }) {
  return (
    <Scrolling class="scroll" label={texts.confusion}>
      <table class="confusion">
        <caption>
          {texts.confusion} <small class="soft">{texts.confusionMore}</small>
        </caption>
        <thead>
          <tr>
            <td />
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, i) => {
            const total = row.reduce((a, b) => a + b, 0);
            return (
              <tr key={classes[i]}>
                <th scope="row">{classes[i]}</th>
                {row.map((n, j) => (
                  <Cell
                    key={classes[j]}
                    row={classes[i]!}
                    column={classes[j]!}
                    count={n}
                    share={total === 0 ? 0 : n / total}
                  />
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolling>
  );
}

interface CellProps {
  readonly row: string;
  readonly column: string;
  readonly count: number;
  readonly share: number;
}

/** A number, on a ground that is the stronger the larger its share of the row is. */
const Cell = ({ row, column, count, share }: CellProps) => (
  <td
    class={row === column ? 'number right' : 'number'}
    title={texts.confusionCell(row, column, count)}
    style={{ '--share': `${Math.round(share * 45)}%` }}
  >
    {count === 0 ? '' : count.toLocaleString('en')}
  </td>
);
