// Whether the server and its database are there: asked for seldom while they are, often while they are not.
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, ApiError } from './api';

const seldom = 15_000;
const often = 3_000;

export interface Problem {
  what: string;
  why: string;
}

export interface Health {
  /** undefined while all is well. */
  problem?: Problem;
  /** Asks at once: somebody has noticed something. */
  check: () => void;
}

/** useHealth calls back when everything is well again. */
export function useHealth(onRecovered: () => void): Health {
  const [problem, setProblem] = useState<Problem>();
  const [asked, setAsked] = useState(0);
  const known = useRef<Problem>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      const found = await probe(abort.signal);
      if (abort.signal.aborted) return;
      if (known.current && !found) onRecovered();
      known.current = found;
      setProblem(found);
      timer = setTimeout(() => void ask(), found ? often : seldom);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [asked, onRecovered]);
  const check = useCallback(() => setAsked((n) => n + 1), []);
  return { problem, check };
}

async function probe(signal: AbortSignal): Promise<Problem | undefined> {
  try {
    const { clickhouse } = await api.health(signal);
    return clickhouse === 'ok' ? undefined : { what: 'ClickHouse cannot be reached.', why: clickhouse };
  } catch (error) {
    if (error instanceof ApiError && error.away) return { what: error.message, why: '' };
    return { what: 'The preview server is in trouble.', why: error instanceof Error ? error.message : String(error) };
  }
}
