import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Request } from "../api/types";

export type Verdict = "approve" | "deny";

interface Judgement {
  verdict: Verdict;
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
      unwrap(
        verdict === "approve"
          ? api.POST("/api/v1/requests/{id}/approve", { params: { path: { id } }, body })
          : api.POST("/api/v1/requests/{id}/deny", { params: { path: { id } }, body }),
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
