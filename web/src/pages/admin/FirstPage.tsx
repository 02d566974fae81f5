import { Navigate } from "react-router";
import { allowed } from "../../admin/sections";
import { useSelf } from "../../session/session";

/** Administration begins with the first section that the person may see. */
export function Component() {
  const first = allowed(useSelf().can)[0] ?? "groups";
  return <Navigate to={`/admin/${first}`} replace />;
}
