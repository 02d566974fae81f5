import { useEffect, useReducer, useRef, useState } from "react";
import { requestQuery } from "../api/calls";
import { api, newKey, Problem, unreachable, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Content, Request } from "../api/types";
import { type Draft, dropDraft, isUnsaved, type Kept, loadDraft, saveDraft } from "../model/draft";
import { useSelf } from "../session/session";
import { type Act, change } from "./draft";
import { contentOf, keptOf, serverDraft } from "./serverDraft";

/** Where the draft stands: nowhere yet, on its way, on the server, or in this browser alone. */
export type Keeping = "none" | "saving" | "saved" | "here";

interface Options {
  /** What a new one is about, for the copy in this browser. */
  about: string;
  fresh: Content;
  /** The request that is edited. */
  request?: Request;
  /** Whether what is typed is kept on the server as a draft. */
  keep: boolean;
  /** Told when the server has the draft for the first time. */
  made?: (id: string) => void;
  done: (request: Request) => void;
}

export interface RequestForm {
  content: Content;
  touched: string[];
  /** Id of the request on the server, if there is one. */
  id: string | undefined;
  act: (act: Act) => void;
  submit: (content: Content) => void;
  busy: boolean;
  problem: unknown;
  keeping: Keeping;
  /** When what stands in the form was typed, if it was found here. */
  found: string;
  /** What somebody else made of it meanwhile. */
  newer: Request | null;
  goOn: (content: Content) => void;
  /** Forgets what was typed, here and on the server. */
  discard: () => Promise<void>;
}

const pause = 800; // ms after the last key
const again = 3000; // ms after a server that did not answer

const calls = {
  create: (content: Content, key: string) =>
    unwrap(api.POST("/api/v1/requests", { body: content, headers: { "Idempotency-Key": key } })),
  update: (id: string, revision: number, patch: Content) =>
    unwrap(
      api.PATCH("/api/v1/requests/{id}", {
        params: { path: { id }, header: { "If-Match": `"${revision}"` } },
        body: patch,
        headers: { "Idempotency-Key": newKey() },
      }),
    ),
};

function begin(email: string, { about, fresh, request }: Options): Draft {
  const here = loadDraft(email, request?.id ?? about);
  if (here && (request ? here.base && isUnsaved(here) : here.touched.length > 0)) return here;
  const content = request ? contentOf(request) : fresh;
  return {
    content,
    touched: [],
    ownSlug: Boolean(content.app?.slug),
    savedAt: "",
    base: request && keptOf(request),
  };
}

/** The state of a form over the content of a request: kept while one types, sent once, and told when it is stale. */
export function useRequestForm(options: Options): RequestForm {
  const { about, request, keep, made, done } = options;
  const { email } = useSelf();
  const [draft, act] = useReducer(change, options, (o) => begin(email, o));
  const [found] = useState(draft.savedAt);
  const [server] = useState(() => serverDraft(calls, draft.base ?? null));
  const [id, setId] = useState(draft.base?.id);
  const [keeping, setKeeping] = useState<Keeping>(request ? "saved" : "none");
  const [newer, setNewer] = useState<Request | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const latest = useRef(draft.content);
  latest.current = draft.content;
  const over = useRef(false);

  const typed = draft.touched.some((path) => path !== "template_id");
  const asksLast = useRef(false);
  const asks = keep && typed && !newer && !busy && (request?.state ?? "draft") === "draft";
  asksLast.current = asks;

  // biome-ignore lint/correctness/useExhaustiveDependencies: round asks for another try
  useEffect(() => {
    if (draft.touched.length > 0 && !over.current) {
      const base: Kept | undefined = server.kept() ?? undefined;
      saveDraft(email, id ?? about, { ...draft, base, savedAt: new Date().toISOString() });
    }
  }, [email, id, about, draft, server, keeping]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what was refused is no news of another content
  useEffect(() => setProblem(null), [draft.content]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new content or another round is a reason to save, nothing else
  useEffect(() => {
    if (!asks) return;
    const timer = setTimeout(save, round > 0 ? again : pause);
    return () => clearTimeout(timer);
  }, [asks, draft.content, round]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the form goes away
  useEffect(
    () => () => {
      if (asksLast.current && !over.current) server.save(latest.current).catch(() => undefined);
    },
    [],
  );

  async function save() {
    const content = latest.current;
    if (server.kept() && JSON.stringify(server.kept()?.content) === JSON.stringify(content)) return;
    setKeeping("saving");
    try {
      const first = !server.kept();
      const saved = await server.save(content);
      setRound(0);
      if (saved) queries.setQueryData(["request", saved.id], saved);
      if (first && saved) {
        dropDraft(email, about);
        setId(saved.id);
        made?.(saved.id);
        queries.invalidateQueries({ queryKey: ["requests"] });
      }
      setKeeping("saved");
      setProblem(null);
    } catch (error) {
      setKeeping("here");
      await failed(error);
    }
  }

  async function failed(error: unknown) {
    const status = error instanceof Problem ? error.status : -1;
    const known = server.kept()?.id;
    if (status === 409) queries.invalidateQueries({ queryKey: ["flag"] }); // what it is about may be another now
    if (known && (status === 412 || status === 409)) {
      const now = await queries.fetchQuery({ ...requestQuery(known), staleTime: 0 }).catch(() => null);
      if (now && now.revision !== server.kept()?.revision) return setNewer(now);
    }
    if (status === unreachable || status >= 500) setRound((n) => n + 1);
    else setProblem(error);
  }

  async function send(content: Content) {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const sent = await server.submit(content);
      over.current = true;
      dropDraft(email, about);
      dropDraft(email, sent.id);
      queries.setQueryData(["request", sent.id], sent);
      queries.invalidateQueries();
      done(sent);
    } catch (error) {
      await failed(error);
      if (error instanceof Problem && (error.status === unreachable || error.status >= 500))
        setProblem(error);
      setBusy(false);
    }
  }

  function goOn(content: Content) {
    if (newer) server.rebase(newer);
    setNewer(null);
    setProblem(null);
    act({ do: "replace", content });
  }

  async function discard() {
    over.current = true;
    const known = server.kept();
    if (known?.draft) await withdraw(known.id);
    dropDraft(email, about);
    if (known) dropDraft(email, known.id);
    queries.invalidateQueries();
  }

  return {
    content: draft.content,
    touched: draft.touched,
    id,
    act,
    submit: send,
    busy,
    problem,
    keeping,
    found,
    newer,
    goOn,
    discard,
  };
}

/** Ends a draft: nothing of it was ever told to anybody. */
export const withdraw = (id: string) =>
  unwrap(api.POST("/api/v1/requests/{id}/withdraw", { params: { path: { id } }, body: {} }));
