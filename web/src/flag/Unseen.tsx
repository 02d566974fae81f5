import { Problem } from "../api/client";
import { m } from "../messages";
import { ReasonForm } from "./ReasonForm";
import type { useRolloutAct } from "./useFlag";

/** Whether a rollout was kept from production since no app has asked for its switch. */
export const notSeen = (error: unknown) => error instanceof Problem && error.code === "not_seen";

/** After such an answer: asks why it should go on all the same, and tries the act again with that. */
export function Unseen({ act, done }: { act: ReturnType<typeof useRolloutAct>; done: () => void }) {
  const tried = act.variables;
  if (!notSeen(act.error) || !tried) return null;
  return (
    <ReasonForm
      act={tried.act}
      label={m.flag.unseen.why}
      help={m.flag.unseen.whyHelp}
      busy={act.isPending}
      submit={(unseen) => act.mutate({ ...tried, unseen }, { onSuccess: done })}
    />
  );
}
