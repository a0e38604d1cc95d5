import { setTimeZoneResolver, systemDateFormats, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, Icon, PortalContainer } from '@grafana/ui';
import { useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { api, ApiError } from './api';
import { DashboardPage, Failed } from './dashboard';
import { useHealth } from './health';
import { ListPage } from './list';
import { listen, useUrl } from './nav';
import { register } from './panel/registry';
import { useTheme } from './theme';
import { timeZone } from './time';
import type { DashboardList } from './types';
import './style.css';

function App() {
  const url = useUrl();
  const theme = useTheme(url.theme);
  const [tick, setTick] = useState(0);
  const refresh = useCallback(() => setTick((n) => n + 1), []);
  const { problem, check } = useHealth(refresh);
  const { list, error } = useList(tick);
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {problem && (
        <div className="banner" role="alert">
          <Icon name="exclamation-triangle" size="lg" />
          <span><strong>{problem.what}</strong> {problem.why}</span>
          <em>Trying again</em>
        </div>
      )}
      {url.uid
        ? <DashboardPage url={url} list={list ?? (error && { dashboards: [] })} theme={theme} tick={tick} onRefresh={refresh} onTrouble={check} />
        : list
          ? <ListPage url={url} list={list} theme={theme} />
          : error && <Failed title="The dashboards could not be listed" error={error} />}
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

function useList(tick: number): { list?: DashboardList; error?: ApiError } {
  const [state, setState] = useState<{ list?: DashboardList; error?: ApiError }>({});
  const loaded = state.list !== undefined;
  useEffect(() => {
    if (loaded) return;
    const abort = new AbortController();
    api.dashboards(abort.signal).then(
      (list) => setState({ list }),
      (error: unknown) => {
        if (!abort.signal.aborted) setState({ error: error instanceof ApiError ? error : new ApiError(String(error)) });
      },
    );
    return () => abort.abort();
  }, [loaded, loaded ? 0 : tick]);
  return state;
}

async function start() {
  setTimeZoneResolver(() => timeZone);
  // Days as every reader takes them: 03/06 is a day in March to some and in June to others.
  systemDateFormats.update({
    fullDate: systemDateFormats.fullDate, useBrowserLocale: false,
    interval: { ...systemDateFormats.interval, hour: 'D MMM HH:mm', day: 'D MMM' },
  });
  register();
  // The libraries render only after their texts are there, and measure axes and numbers by the fonts they find.
  await Promise.all([initPluginTranslations('grafana-ui'), document.fonts.load('400 12px Inter'), document.fonts.load('500 12px Inter')]);
  listen();
  const root = document.getElementById('root');
  // An error within a panel is shown there; the console is for what nobody caught.
  if (root) createRoot(root, { onCaughtError: () => undefined }).render(<App />);
}

void start();
