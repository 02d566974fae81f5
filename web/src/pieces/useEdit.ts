import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Problem } from "../api/client";
import type { Finding } from "../api/types";
import { byField } from "../model/findings";
import { findingsIn } from "./Findings";

export interface Edit<V> {
  value: V;
  set: (value: V) => void;
  /** Something is typed that is not saved. */
  dirty: boolean;
  discard: () => void;
  save: () => void;
  busy: boolean;
  /** Why it was not saved, except that it was stale. */
  problem: unknown;
  findings: Map<string, Finding[]>;
  /** What it is now, when somebody else changed what is being edited. */
  theirs: V | undefined;
  /** Goes on with what was typed, over theirs. */
  keep: () => void;
  take: () => void;
}

interface Options<R, V> {
  /** The object as the screen has it; live updates may bring newer ones. */
  read: R;
  /** The part of it that the form edits. */
  pick: (read: R) => V;
  /** Writes with If-Match of the revision, and gives the object as it then is. */
  save: (value: V, revision: number) => Promise<R>;
  /** Reads the object anew, after the server said that the revision is stale. */
  reread: () => Promise<R>;
  saved?: (read: R) => void;
}

/**
 * The state of a form over an object with a revision. As long as nothing is typed it follows the object; from then on a newer
 * object is told, beside what was typed, and the person chooses.
 */
export function useEdit<R extends { revision: number }, V>(options: Options<R, V>): Edit<V> {
  const { read, pick, save, reread, saved } = options;
  const [base, setBase] = useState(read);
  const [typed, setTyped] = useState<V | null>(null);
  const [fresh, setFresh] = useState<R | null>(null);
  const start = pick(base);
  const value = typed ?? start;
  const dirty = typed !== null && !same(typed, start);
  const newest = fresh && fresh.revision > read.revision ? fresh : read;
  const writing = useMutation({
    mutationFn: () => save(value, base.revision),
    onSuccess: (answer) => {
      begin(answer);
      saved?.(answer);
    },
    onError: async (error) => {
      if (isStale(error)) setFresh(await reread());
    },
  });
  const newer = newest.revision > base.revision && !writing.isPending;
  if (newer && !dirty) begin(newest);

  function begin(from: R) {
    setBase(from);
    setFresh(null);
    setTyped(null);
  }
  const findings = useMemo(() => byField(findingsIn(writing.error)), [writing.error]);
  const stale = isStale(writing.error);
  return {
    value,
    set: (next) => setTyped(() => next),
    dirty,
    discard: () => {
      writing.reset();
      begin(newest);
    },
    save: () => writing.mutate(),
    busy: writing.isPending,
    problem: stale ? null : writing.error,
    findings,
    theirs: newer && dirty ? pick(newest) : undefined,
    keep: () => {
      writing.reset();
      setTyped(() => value);
      setBase(newest);
    },
    take: () => {
      writing.reset();
      begin(newest);
    },
  };
}

const isStale = (error: unknown) => error instanceof Problem && error.status === 412;
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
