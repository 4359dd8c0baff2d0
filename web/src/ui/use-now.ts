import { useEffect, useState } from 'react';

/** The time, renewed at an interval; false keeps it as it is. */
export function useNow(interval: number | false): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (interval === false) return;
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}
