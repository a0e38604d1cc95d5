// A box that opens under a button, stays inside the window, and closes by Escape or a click elsewhere.
import {
  autoUpdate, flip, FloatingFocusManager, FloatingPortal, offset, shift, size, useClick, useDismiss, useFloating, useInteractions, useRole,
} from '@floating-ui/react';
import { useState, type ReactNode } from 'react';

interface Props {
  className?: string;
  label: string;
  button: ReactNode;
  /** Set for a label that the button's content does not tell. */
  title?: string;
  align?: 'start' | 'end';
  children: (close: () => void) => ReactNode;
}

export function Popover({ className, label, button, title, align = 'start', children }: Props) {
  const [open, setOpen] = useState(false);
  const { context, refs, floatingStyles } = useFloating({
    open,
    onOpenChange: setOpen,
    placement: `bottom-${align}`,
    whileElementsMounted: autoUpdate,
    middleware: [
      offset(4), flip({ fallbackAxisSideDirection: 'none' }), shift({ padding: 8 }),
      size({ padding: 8, apply: ({ availableHeight, elements }) => elements.floating.style.setProperty('--room', `${Math.floor(availableHeight)}px`) }),
    ],
  });
  const { getReferenceProps, getFloatingProps } = useInteractions([useClick(context), useDismiss(context), useRole(context, { role: 'dialog' })]);
  return (
    <>
      <button type="button" ref={refs.setReference} className={className ?? 'bar-button'} aria-label={label} title={title} {...getReferenceProps()}>{button}</button>
      {open && (
        <FloatingPortal>
          <FloatingFocusManager context={context} initialFocus={0}>
            <div ref={refs.setFloating} className="popover" style={floatingStyles} aria-label={label} {...getFloatingProps()}>
              {children(() => setOpen(false))}
            </div>
          </FloatingFocusManager>
        </FloatingPortal>
      )}
    </>
  );
}
