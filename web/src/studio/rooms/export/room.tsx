import { hrefOf } from '../../router.ts';
import { project } from '../../state.ts';
import { strings } from '../../strings.ts';
import { useBusy } from './busy.ts';
import { DatasetSection } from './dataset.tsx';
import { ModelsSection } from './models.tsx';
import './export.css';

const texts = strings.export;

/** What the visitor takes away: the data set, models, and the project. */
export function Room() {
  const busy = useBusy();
  const open = project.value;
  if (!open) return <p>{strings.loading}</p>;
  return (
    <div class="export" key={open.id}>
      <DatasetSection project={open} busy={busy} />
      <ModelsSection project={open} busy={busy} />
      <section class="export-part" aria-labelledby="export-project">
        <h2 id="export-project">{texts.project}</h2>
        <p>{texts.projectMore}</p>
        <a class="button" href={hrefOf('projects')}>
          {texts.toProjects}
        </a>
      </section>
      <div class="export-busy" role="status">
        {busy.text.value !== '' && (
          <>
            <span>{busy.text.value}</span>
            <button type="button" onClick={busy.stop}>
              {texts.stop}
            </button>
          </>
        )}
      </div>
    </div>
  );
}
