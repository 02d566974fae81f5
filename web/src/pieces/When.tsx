import { useEffect, useState } from "react";
import { exact, relative } from "../model/time";

/** The present moment, again every so many milliseconds. */
export function useNow(every: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A moment in relative words; the exact time shows on hover. */
export function When({ at }: { at: string }) {
  const now = useNow(10_000);
  const moment = new Date(at);
  return (
    <time dateTime={at} title={exact(moment)}>
      {relative(moment, now)}
    </time>
  );
}
