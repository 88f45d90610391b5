/** Line drawings on the buttons, 24 x 24. */
const PATHS = {
  select: 'M5 3l14 8-6 2-3 6z',
  box: 'M4 6h16v12H4z',
  polygon: 'M12 3l9 7-4 10H7L3 10z',
  brush: 'M20 3c-5 2-9 6-11 10 1 0 2 1 2 2 4-2 8-6 10-11zM8 14c-3 0-3 4-5 5 3 2 7 1 7-3',
  eraser: 'M9 19l-5-5 9-10 7 7-8 8zM9 19h11M8 10l7 7',
  point: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 2v4M12 18v4M2 12h4M18 12h4',
  click: 'M9 9l11 4-5 2-2 5zM7 7L4 4M11 5V2M5 11H2',
  undo: 'M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3',
  redo: 'M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h3',
  remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
  zoomIn: 'M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5M10 7v6M7 10h6',
  zoomOut: 'M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5M7 10h6',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  help: 'M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 15h8',
  edit: 'M4 20l1-5L16 4l4 4L9 19z',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="label-icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
