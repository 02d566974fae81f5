import { newKey } from "../api/client";
import type { Content, Request } from "../api/types";
import type { Kept } from "../model/draft";
import { mergePatch } from "../model/findings";

interface Calls {
  create: (content: Content, key: string) => Promise<Request>;
  /** Sends a merge patch with If-Match of the revision. */
  update: (id: string, revision: number, patch: Content) => Promise<Request>;
}

/** The members of a request that are its content. */
export function contentOf(request: Request): Content {
  const { kind, template_id, reason, app, fields, attachments, removal_plan } = request;
  const { flag_key, environment, base_revision, change, until } = request;
  const content: Content = {
    kind,
    template_id,
    reason,
    app,
    fields,
    attachments: attachments?.length ? attachments : undefined,
    removal_plan,
    flag_key,
    environment,
    base_revision,
    change,
    until,
  };
  return JSON.parse(JSON.stringify(content)) as Content; // without what is undefined
}

export const keptOf = (request: Request): Kept => ({
  id: request.id,
  revision: request.revision,
  content: contentOf(request),
  draft: request.state === "draft",
});

export type ServerDraft = ReturnType<typeof serverDraft>;

/**
 * What is typed, kept on the server: made once however often the making is tried, then patched over the revision that was
 * read last. One call after the other, so that a submit never overtakes the save before it.
 */
export function serverDraft(calls: Calls, start: Kept | null) {
  let kept = start;
  let line: Promise<unknown> = Promise.resolve();
  // A making whose answer was lost is tried again with the same key and the same content, else it would be made twice.
  let making: { content: Content; key: string } | null = null;

  function inLine<T>(step: () => Promise<T>): Promise<T> {
    const next = line.then(step, step);
    line = next.catch(() => undefined);
    return next;
  }
  async function make(content: Content): Promise<Request> {
    making ??= { content, key: newKey() };
    const sent = making;
    try {
      const request = await calls.create(sent.content, sent.key);
      making = null;
      kept = { ...keptOf(request), content: without(sent.content) };
      return request;
    } catch (error) {
      if (isAnswer(error)) making = null; // refused: the next try may say something else
      throw error;
    }
  }
  async function patch(base: Kept, content: Content, more: Partial<Content>): Promise<Request> {
    const change = { ...(mergePatch(base.content, content) as Content), ...more };
    const request = await calls.update(base.id, base.revision, change);
    kept = { ...keptOf(request), content: structuredClone(content) };
    return request;
  }
  return {
    kept: () => kept,
    /** Goes on over what somebody else wrote. */
    rebase(request: Request) {
      kept = keptOf(request);
    },
    /** Keeps the content as a draft; null if the server has it already. */
    save: (content: Content): Promise<Request | null> =>
      inLine(async () => {
        const made = kept ? null : await make({ ...content, draft: true });
        const base = kept;
        if (!base || JSON.stringify(base.content) === JSON.stringify(content)) return made;
        return patch(base, content, {});
      }),
    /** Submits the content, or edits what was submitted before. */
    submit: (content: Content): Promise<Request> =>
      inLine(async () => {
        const base = kept;
        if (base) return patch(base, content, base.draft ? { draft: false } : {});
        const sent = making?.content ?? content;
        const made = await make(sent);
        const whole = made.state !== "draft" && JSON.stringify(without(sent)) === JSON.stringify(content);
        if (whole) return made;
        return patch(
          { ...keptOf(made), content: without(sent) },
          content,
          made.state === "draft" ? { draft: false } : {},
        );
      }),
  };
}

const without = ({ draft: _, ...content }: Content): Content => structuredClone(content);

/** Whether the server answered: then nothing was made. */
const isAnswer = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "status" in error &&
  Number(error.status) >= 400 &&
  Number(error.status) < 500;
