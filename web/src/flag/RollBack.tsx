import { useNavigate } from "react-router";
import type { Flag, Revision } from "../api/types";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { rollBack } from "./useFlag";

interface Props {
  flag: Flag;
  environment: string;
  /** Where to; without it, the last good revision before the present one. */
  to?: Pick<Revision, "revision" | "serving">;
}

/** Goes back to an earlier revision: at once where it was approved and reaches no more people, else by a request. */
export function RollBack({ flag, environment, to }: Props) {
  const navigate = useNavigate();
  const words = m.flag.rollback;
  async function run(reason: string) {
    const answer = await rollBack(flag.key, environment, {
      reason: reason || undefined,
      to_revision: to?.revision,
    });
    const asked = answer && "request" in answer ? answer.request : undefined;
    if (asked) navigate(`/requests/${asked.id}`);
  }
  return (
    <ConfirmButton
      label={words.act}
      title={words.title(flag.key, environment)}
      act={words.act}
      button={{
        size: "xs",
        "aria-label": to ? words.toRevision(to.revision, environment) : words.in(environment),
      }}
      reason="optional"
      happens={[
        to
          ? words.goes(environment, to.revision, m.flag.servingWords(to.serving, flag))
          : words.goesLast(environment),
        words.when,
      ]}
      run={run}
    />
  );
}
