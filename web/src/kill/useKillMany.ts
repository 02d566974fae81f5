import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { components } from "../api/schema";

export type KillOrder = components["schemas"]["KillOrder"];

/** Turns off everything of a selection at once. Clicked twice, it is done once. */
export function useKillMany() {
  return useMutation({ mutationFn: killMany, onSettled: () => queries.invalidateQueries() });
}

export const killMany = (order: KillOrder) => unwrap(api.POST("/api/v1/kills", { body: order }));

/** Turns on again what a kill still holds off, or asks for it. */
export async function restoreKill(id: string, reason: string) {
  try {
    return await unwrap(
      api.POST("/api/v1/kills/{id}/restore", {
        params: { path: { id } },
        body: { reason: reason || undefined },
      }),
    );
  } finally {
    queries.invalidateQueries();
  }
}

/** Lets go of a kill that is served and that the database refuses. */
export async function endKill(id: string, reason: string) {
  try {
    await unwrap(api.POST("/api/v1/kills/{id}/end", { params: { path: { id } }, body: { reason } }));
  } finally {
    queries.invalidateQueries();
  }
}
