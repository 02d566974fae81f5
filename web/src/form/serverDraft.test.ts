import { expect, test } from "vitest";
import { Problem } from "../api/client";
import type { Content, Request } from "../api/types";
import { serverDraft } from "./serverDraft";

/** A server of one request, which can lose its answers. */
function server() {
  const log: string[] = [];
  const made = new Map<string, Request>();
  let lose = 0;
  let request: Request | null = null;
  const answer = (change: object): Request => {
    const { draft, ...content } = { ...request, ...change } as Request & { draft?: boolean };
    const state = draft ? "draft" : "needs_approval";
    request = { ...content, id: "r1", state, revision: (request?.revision ?? 0) + 1 } as Request;
    if (lose > 0) {
      lose--;
      throw new Problem({ status: 0 });
    }
    return request;
  };
  return {
    log,
    loseNext: () => {
      lose = 1;
    },
    calls: {
      async create(content: Content, key: string) {
        log.push(`create ${JSON.stringify(content)}`);
        const before = made.get(key);
        if (before) return before;
        try {
          return answer(content);
        } finally {
          made.set(key, request as Request);
        }
      },
      async update(id: string, revision: number, patch: Content) {
        log.push(`update ${id}@${revision} ${JSON.stringify(patch)}`);
        if (revision !== request?.revision) throw new Problem({ status: 412 });
        return answer({ draft: request.state === "draft", ...patch });
      },
    },
  };
}

const a: Content = { kind: "publish_app", reason: "a" };
const b: Content = { kind: "publish_app", reason: "b" };

test("what is typed is made once, then patched, then submitted", async () => {
  const { calls, log } = server();
  const draft = serverDraft(calls, null);
  await Promise.all([draft.save(a), draft.save(b), draft.save(b), draft.submit(b)]);
  expect(log).toEqual([
    'create {"kind":"publish_app","reason":"a","draft":true}',
    'update r1@1 {"reason":"b"}',
    'update r1@2 {"draft":false}',
  ]);
});

test("nothing is made twice when an answer is lost, and what was typed meanwhile follows", async () => {
  const { calls, log, loseNext } = server();
  const draft = serverDraft(calls, null);
  loseNext();
  await expect(draft.save(a)).rejects.toBeInstanceOf(Problem);
  await draft.save(b);
  expect(log).toEqual([
    'create {"kind":"publish_app","reason":"a","draft":true}',
    'create {"kind":"publish_app","reason":"a","draft":true}',
    'update r1@1 {"reason":"b"}',
  ]);
});

test("what was never kept is submitted at once", async () => {
  const { calls, log } = server();
  const request = await serverDraft(calls, null).submit(a);
  expect(request.state).toBe("needs_approval");
  expect(log).toEqual(['create {"kind":"publish_app","reason":"a"}']);
});

test("a draft whose making got no answer is still submitted", async () => {
  const { calls, loseNext } = server();
  const draft = serverDraft(calls, null);
  loseNext();
  await expect(draft.save(a)).rejects.toBeInstanceOf(Problem);
  const request = await draft.submit(a);
  expect(request.state).toBe("needs_approval");
});

test("an edit over somebody else's is refused and leaves what is kept as it was", async () => {
  const { calls } = server();
  const mine = serverDraft(calls, null);
  await mine.save(a);
  const theirs = serverDraft(calls, mine.kept());
  await theirs.save(b);
  await expect(mine.save({ ...a, reason: "c" })).rejects.toMatchObject({ status: 412 });
  expect(mine.kept()?.revision).toBe(1);
});
