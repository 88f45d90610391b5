import { strings } from '../../strings.ts';

const texts = strings.pictures;

/** The pictures of the project: adding, finding and choosing them. */
export const Room = () => (
  <section class="empty">
    <h2>{texts.none}</h2>
    <p>{texts.noneMore}</p>
  </section>
);
