import type { Request } from "../api/types";
import { m } from "../messages";

/** What a request is called. */
export function titleOf(request: Request): string {
  return request.kind === "restore_flag"
    ? m.request.restore(request.flag_key ?? "")
    : m.request.publish(request.app?.name || request.app?.slug || "");
}
