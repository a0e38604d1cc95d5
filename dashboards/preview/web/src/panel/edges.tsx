// A table that does not fit scrolls, and without a word nobody knows: a shadow with an arrow stands at each edge behind which there
// are more columns, and a shadow where there are more rows below.
import { useLayoutEffect, useRef, type ReactNode } from 'react';

export function Edges({ children }: { children: ReactNode }) {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => (root.current ? watch(root.current) : undefined), []);
  return <div ref={root} className="edges">{children}<i className="edge-below" /></div>;
}

// The grid is @grafana/ui's: its columns, widths and place change without this being asked. So every change of it is looked at,
// once per frame.
function watch(box: HTMLElement): () => void {
  let frame = 0;
  const look = () => {
    frame = 0;
    const grid = box.querySelector<HTMLElement>('.rdg');
    const hidden = sides(grid);
    box.toggleAttribute('data-more-left', hidden.left);
    box.toggleAttribute('data-more-right', hidden.right);
    box.toggleAttribute('data-more-below', goesOn(grid));
  };
  const soon = () => {
    frame ||= requestAnimationFrame(look);
  };
  soon();
  const changes = new MutationObserver(soon);
  changes.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter: ['style'] });
  const sizes = new ResizeObserver(soon);
  sizes.observe(box);
  box.addEventListener('scroll', soon, { capture: true, passive: true });
  return () => {
    cancelAnimationFrame(frame);
    changes.disconnect();
    sizes.disconnect();
    box.removeEventListener('scroll', soon, { capture: true });
  };
}

/** sides says on which sides something goes on behind the edge. A pixel may be a fraction that was rounded. */
export function sides(grid: Pick<HTMLElement, 'scrollLeft' | 'scrollWidth' | 'clientWidth'> | null): { left: boolean; right: boolean } {
  if (!grid) return { left: false, right: false };
  return { left: grid.scrollLeft > 1, right: grid.scrollWidth - grid.clientWidth - grid.scrollLeft > 1 };
}

/** goesOn says whether there are rows below the last one that is seen. */
export function goesOn(grid: Pick<HTMLElement, 'scrollTop' | 'scrollHeight' | 'clientHeight'> | null): boolean {
  return grid !== null && grid.scrollHeight - grid.clientHeight - grid.scrollTop > 1;
}
