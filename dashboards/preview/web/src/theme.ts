// Light and dark: the address says, else the system. The page's own style sheet takes Grafana's colours from here.
import { createTheme, type GrafanaTheme2 } from '@grafana/data';
import { useLayoutEffect, useSyncExternalStore } from 'react';

export type Mode = 'light' | 'dark';

const preference = window.matchMedia('(prefers-color-scheme: light)');

const themes: Record<Mode, GrafanaTheme2> = {
  light: createTheme({ colors: { mode: 'light' } }),
  dark: createTheme({ colors: { mode: 'dark' } }),
};

export function useTheme(chosen: Mode | undefined): GrafanaTheme2 {
  const system = useSyncExternalStore<Mode>(
    (changed) => {
      preference.addEventListener('change', changed);
      return () => preference.removeEventListener('change', changed);
    },
    () => (preference.matches ? 'light' : 'dark'),
  );
  const theme = themes[chosen ?? system];
  useLayoutEffect(() => publish(theme), [theme]);
  return theme;
}

function publish({ colors, shadows, isDark }: GrafanaTheme2): void {
  const root = document.documentElement;
  root.style.colorScheme = isDark ? 'dark' : 'light';
  root.dataset.theme = isDark ? 'dark' : 'light';
  const variables = {
    canvas: colors.background.canvas, primary: colors.background.primary, secondary: colors.background.secondary,
    elevated: colors.background.elevated, text: colors.text.primary, 'text-dim': colors.text.secondary, link: colors.text.link,
    'border-weak': colors.border.weak, 'border-medium': colors.border.medium, hover: colors.action.hover, selected: colors.action.selected,
    accent: colors.primary.main, 'accent-text': colors.primary.text, error: colors.error.text, 'error-back': colors.error.transparent,
    'warning-text': colors.warning.text, 'warning-back': colors.warning.transparent, 'warning-border': colors.warning.border, shadow: shadows.z2,
    button: colors.secondary.main, 'button-hover': colors.secondary.shade, edge: isDark ? 'rgba(0, 0, 0, 0.85)' : 'rgba(0, 10, 23, 0.3)',
  };
  for (const [name, value] of Object.entries(variables)) root.style.setProperty(`--${name}`, value);
}
