import { Plot } from '../../plot.tsx';
import type { EpochRecord, ProjectTask } from '../../project/model.ts';
import { strings } from '../../strings.ts';

const texts = strings.train;

interface CurvesProps {
  readonly task: ProjectTask;
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
}

/** The columns of the table: the first of each group that the epochs have, most important first. */
const COLUMNS = ['val_ap', 'val_ap50', 'val_iou', 'val_dice', 'val_accuracy', 'val_loss', 'loss'];
/** Epochs that are listed; the curve has all. */
const LISTED = 8;

/** The loss over the steps as a picture, and what each epoch came to as a table. */
export function Curves({ task, losses, epochs }: CurvesProps) {
  const columns = COLUMNS.filter((name) => epochs.some(({ logs }) => logs[name] !== undefined));
  const judged = epochs.flatMap(({ step, logs }) =>
    logs.val_loss === undefined ? [] : [[step, logs.val_loss] as const],
  );
  return (
    <div class="curves">
      {losses.length > 1 && (
        <Plot
          alt={texts.curveAlt(losses.length, losses[0]!, losses.at(-1)!)}
          title={texts.curve}
          xLabel="step"
          yLabel="loss"
          width={520}
          series={[
            { name: 'training', points: losses.map((loss, i) => [i + 1, loss]), smooth: losses.length > 40 },
            ...(judged.length > 0 ? [{ name: 'validation', points: judged, dots: true }] : []),
          ]}
        />
      )}
      {epochs.length > 0 && (
        <table>
          <caption>{texts.metrics}</caption>
          <thead>
            <tr>
              <th scope="col">{texts.epoch}</th>
              {columns.map((name) => (
                <th key={name} scope="col">
                  {texts.metricNames[name] ?? name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {epochs
              .map((epoch, i) => ({ ...epoch, number: i + 1 }))
              .slice(-LISTED)
              .map(({ number, logs, best }) => (
                <tr key={number}>
                  <th scope="row">
                    {number}
                    {best && <span class="soft"> {texts.best}</span>}
                  </th>
                  {columns.map((name) => (
                    <td key={name}>{logs[name]?.toFixed(3)}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      )}
      {losses.length > 1 && <p class="soft meanings">{texts.meanings[task]}</p>}
    </div>
  );
}
