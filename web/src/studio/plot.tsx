import { type LinePlotOptions, linePlot } from 'fovea/draw';
import { useEffect, useRef } from 'preact/hooks';

/** A plot of `fovea/draw` as a picture: its own styles follow light and dark, which the page's policy allows in pictures only. */
export function Plot({ alt, ...options }: LinePlotOptions & { readonly alt: string }) {
  const image = useRef<HTMLImageElement>(null);
  const svg = linePlot(options);
  useEffect(() => {
    const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
    if (image.current) image.current.src = url;
    // The one before stays until this one is drawn.
    return () => URL.revokeObjectURL(url);
  }, [svg]);
  return <img ref={image} class="plot" alt={alt} />;
}
