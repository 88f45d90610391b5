import type { Prediction } from '../../learn/predict.ts';
import { Scrolling } from '../../scrolling.tsx';
import { strings } from '../../strings.ts';
import type { TrySession } from './session.ts';
import { useFound } from './view.tsx';

const texts = strings.try;

const Swatch = ({ color }: { readonly color: string }) => (
  <span class="swatch" style={{ background: color }} />
);

function Detections({ session }: { readonly session: TrySession }) {
  const { visible } = useFound(session);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col" class="number">
            {texts.number}
          </th>
          <th scope="col">{texts.class}</th>
          <th scope="col" class="number">
            {texts.score}
          </th>
          <th scope="col" class="number">
            <abbr title={texts.boxHint}>{texts.box}</abbr>
          </th>
        </tr>
      </thead>
      <tbody>
        {visible.map(({ number, label, score, box, color }) => {
          const [x1, y1, x2, y2] = box.map((value) => value.toFixed(0));
          return (
            <tr key={number}>
              <td class="number">{number}</td>
              <td>
                <Swatch color={color} />
                {label}
              </td>
              <td class="number">{score.toFixed(2)}</td>
              <td class="number">{`${x1}, ${y1} – ${x2}, ${y2}`}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

type Of<T extends Prediction['task']> = Extract<Prediction, { readonly task: T }>;

/** The share of the pixels that each class has. */
function Shares({ found, session }: { readonly found: Of<'segment'>; readonly session: TrySession }) {
  const { colorOf } = useFound(session);
  const counts = new Uint32Array(256);
  for (const label of found.map.labels) counts[label]! += 1;
  const all = found.map.labels.length;
  const rows = found.classNames
    .map((name, i) => ({ name, share: counts[i + 1]! / all }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{texts.class}</th>
          <th scope="col" class="number">
            {texts.share}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, share }) => (
          <tr key={name}>
            <td>
              <Swatch color={colorOf(name)} />
              {name}
            </td>
            <td class="number">{texts.percent(100 * share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The most probable classes with bars. */
const Classes = ({ found, session }: { readonly found: Of<'classify'>; readonly session: TrySession }) => {
  const { colorOf } = useFound(session);
  return (
    <table class="try-bars">
      <thead>
        <tr>
          <th scope="col">{texts.class}</th>
          <th scope="col" class="number">
            {texts.probability}
          </th>
        </tr>
      </thead>
      <tbody>
        {found.classes.map(({ label, score }) => (
          <tr key={label}>
            <td>
              {label}
              <span class="bar-of" style={{ width: `${100 * score}%`, background: colorOf(label) }} />
            </td>
            <td class="number">{texts.percent(100 * score)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

/** What was found, as a table. */
export function Results({ session }: { readonly session: TrySession }) {
  const found = session.found.value;
  if (!found) return null;
  return (
    <Scrolling class="try-results" label={texts.results}>
      {found.task === 'detect' && <Detections session={session} />}
      {found.task === 'segment' && <Shares found={found} session={session} />}
      {found.task === 'classify' && <Classes found={found} session={session} />}
    </Scrolling>
  );
}
