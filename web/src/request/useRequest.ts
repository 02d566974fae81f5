import { useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import { api, newKey, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Request } from "../api/types";

export type Verdict = "approve" | "ask" | "deny";

interface Judgement {
  verdict: Verdict | "take-back";
  digest: string;
  domain?: string;
  reason?: string;
}

/** The answer of an act is the request as it is now; everything else may have changed with it. */
function landed(request: Request) {
  queries.setQueryData(["request", request.id], request);
  queries.invalidateQueries();
}

export function useDecision(id: string) {
  return useMutation({
    mutationFn: ({ verdict, ...body }: Judgement) =>
      unwrap(api.POST(`/api/v1/requests/{id}/${verdict}`, { params: { path: { id } }, body })),
    onSuccess: landed,
    onError: () => queries.invalidateQueries({ queryKey: ["request", id] }),
  });
}

/** Has a request judged by the rules and the state of now alone. */
export function useResubmit({ id, revision }: Request) {
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v1/requests/{id}", {
          params: { path: { id }, header: { "If-Match": `"${revision}"` } },
          body: { resubmit: true },
        }),
      ),
    onSuccess: landed,
    onError: () => queries.invalidateQueries({ queryKey: ["request", id] }),
  });
}

export function useWithdrawal(id: string) {
  return useMutation({
    mutationFn: (reason: string) =>
      unwrap(
        api.POST("/api/v1/requests/{id}/withdraw", {
          params: { path: { id } },
          body: { reason: reason || undefined },
        }),
      ),
    onSuccess: landed,
  });
}

/** Says something about a request. The same words sent again, after an answer that was lost, are said once. */
export function useComment(id: string) {
  const sent = useRef({ words: "", key: "" });
  return useMutation({
    mutationFn: ({ words, digest, answers }: { words: string; digest: string; answers?: boolean }) => {
      if (sent.current.words !== words) sent.current = { words, key: newKey() };
      return unwrap(
        api.POST("/api/v1/requests/{id}/comments", {
          params: { path: { id } },
          body: { reason: words, digest, answers },
          headers: { "Idempotency-Key": sent.current.key },
        }),
      );
    },
    onSuccess: () => {
      sent.current = { words: "", key: "" };
      return queries.invalidateQueries();
    },
  });
}

/** Begins a draft that says what a request said. */
export function useCopy(id: string) {
  const key = useRef(newKey());
  return useMutation({
    mutationFn: async () => {
      const content = await unwrap(api.GET("/api/v1/requests/{id}/content", { params: { path: { id } } }));
      return unwrap(
        api.POST("/api/v1/requests", {
          body: { ...content, draft: true },
          headers: { "Idempotency-Key": key.current },
        }),
      );
    },
    onSuccess: () => {
      key.current = newKey();
      queries.invalidateQueries({ queryKey: ["requests"] });
    },
  });
}
