import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import { askPersistence, type Quota, quota } from '../../store/index.ts';
import { strings } from '../../strings.ts';

const texts = strings.projects;

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes as people say it: 3.2 GB. */
export function sizeText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })} ${UNITS[power]}`;
}

/** How much is stored and may be, and whether it stays. `stale` changes where that may be otherwise than before. */
export function Storage({ stale }: { readonly stale: Signal<unknown> }) {
  const now = useSignal<Quota | undefined | 'asking'>('asking');
  const look = async () => {
    now.value = await quota();
  };
  useEffect(() => void look().catch(notifyError), [stale.value]);
  const ask = async () => {
    try {
      if (!(await askPersistence())) notify('info', texts.refused);
      await look();
    } catch (error) {
      notifyError(error);
    }
  };
  const found = now.value;
  if (found === 'asking') return null;
  return (
    <section aria-labelledby="storage">
      <h2 id="storage">{texts.storage}</h2>
      {found ? (
        <>
          <p>
            {texts.used(sizeText(found.used), sizeText(found.total))}{' '}
            {found.persistent ? texts.persistent : texts.notPersistent}
          </p>
          {!found.persistent && (
            <button type="button" onClick={() => void ask()}>
              {texts.ask}
            </button>
          )}
        </>
      ) : (
        <p>{texts.notTold}</p>
      )}
    </section>
  );
}
