// The list of dashboards.
import type { GrafanaTheme2 } from '@grafana/data';
import { useEffect, useLayoutEffect } from 'react';
import { TopBar } from './bar/top';
import type { DashboardList } from './types';
import type { UrlState } from './url';

export function ListPage({ url, list, theme }: { url: UrlState; list: DashboardList; theme: GrafanaTheme2 }) {
  useEffect(() => {
    document.title = 'Tidemark dashboards';
  }, []);
  useLayoutEffect(() => {
    document.body.dataset.dashboardUid = '';
    document.body.dataset.dashboardState = 'ready';
  }, []);
  return (
    <>
      {!url.kiosk && <TopBar url={url} list={list.dashboards} theme={theme} />}
      <main className="list">
        <h1>Dashboards</h1>
        {list.dashboards.length === 0 && <p className="dim">There are none.</p>}
        <ul>
          {list.dashboards.map((dashboard) => (
            <li key={dashboard.uid}>
              <a href={`/d/${encodeURIComponent(dashboard.uid)}`}>
                <strong>{dashboard.title}</strong>
                {dashboard.description && <p>{dashboard.description}</p>}
              </a>
            </li>
          ))}
        </ul>
        <footer className="dim">
          {[list.namespace && `Namespace ${list.namespace}`, list.version && `Tidemark ${list.version}`].filter(Boolean).join(' · ')}
          {' · '}<a href="/assets/licenses.txt">Licenses</a>
        </footer>
      </main>
    </>
  );
}
