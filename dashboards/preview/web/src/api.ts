// The server's API. A request takes no SQL from here: the server takes it from its own copy of the dashboard.
import type {
  Dashboard, DashboardList, Option, QueryRequest, QueryResult, VariableRequest,
} from './types';

/** ApiError is what the server said of a request as a whole; away means that it said nothing. */
export class ApiError extends Error {
  constructor(message: string, readonly hint = '', readonly away = false) {
    super(message);
  }
}

/** A Gate lets so many through at a time, in the order they came; who is aborted while waiting leaves the queue. */
export class Gate {
  private readonly waiting: Array<() => void> = [];
  private busy = 0;

  constructor(private readonly limit: number) {}

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await work();
    } finally {
      this.busy--;
      this.waiting.shift()?.();
    }
  }

  private enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.busy < this.limit) {
      this.busy++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        const at = this.waiting.indexOf(go);
        if (at >= 0) this.waiting.splice(at, 1);
        reject(signal.reason as Error);
      };
      const go = () => {
        signal.removeEventListener('abort', leave);
        this.busy++;
        resolve();
      };
      this.waiting.push(go);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}

const gate = new Gate(4);

export const api = {
  dashboards: (signal: AbortSignal) => call<DashboardList>('/api/dashboards', signal),
  dashboard: (uid: string, signal: AbortSignal) => call<Dashboard>(`/api/dashboards/${encodeURIComponent(uid)}`, signal),
  health: (signal: AbortSignal) => call<{ clickhouse: string }>('/api/health', signal),
  query: (body: QueryRequest, signal: AbortSignal) =>
    gate.run(signal, () => call<{ results?: QueryResult[] }>('/api/query', signal, body)),
  variable: (body: VariableRequest, signal: AbortSignal) =>
    gate.run(signal, () => call<{ options?: Option[]; error?: string }>('/api/variable', signal, body)),
  annotations: (body: VariableRequest, signal: AbortSignal) =>
    gate.run(signal, () => call<{ results?: QueryResult[] }>('/api/annotations', signal, body)),
};

async function call<T>(path: string, signal: AbortSignal, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      signal,
      ...(body === undefined ? {} : {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      }),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ApiError('The preview server does not answer.', String(cause), true);
  }
  const text = await response.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new ApiError(`${path}: ${response.status} ${response.statusText}: ${text.slice(0, 200) || 'an empty answer'}`);
  }
  if (!response.ok) {
    const { error = `${response.status} ${response.statusText}`, hint = '' } = (answer ?? {}) as { error?: string; hint?: string };
    throw new ApiError(error, hint);
  }
  return answer as T;
}
