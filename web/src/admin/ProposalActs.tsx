import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { partOf } from "../model/proposal";
import { sentence } from "../model/text";
import { ConfirmButton } from "../pieces/Confirm";
import { useSelf } from "../session/session";
import type { Proposal } from "./types";

const words = m.admin.proposals;
const again = () => queries.invalidateQueries();

/** What the person may do with a proposal. */
export function ProposalActs({ proposal }: { proposal: Proposal }) {
  const part = partOf(proposal, useSelf());
  const path = { id: proposal.id };
  return (
    <>
      {part.confirm && (
        <ConfirmButton
          label={words.confirm}
          title={words.confirmAsk}
          happens={words.confirmHappens(sentence(proposal.words))}
          button={{ size: "xs", variant: "filled", "aria-label": words.confirmName(proposal.words) }}
          run={async () => {
            await unwrap(api.POST("/api/v1/proposals/{id}/confirm", { params: { path } }));
            await again();
          }}
        />
      )}
      {part.object && <ObjectButton proposal={proposal} />}
      {part.withdraw && (
        <ConfirmButton
          label={words.withdraw}
          title={words.withdraw}
          happens={[sentence(proposal.words)]}
          button={{ size: "xs", "aria-label": words.withdrawName(proposal.words) }}
          run={async () => {
            await unwrap(api.POST("/api/v1/proposals/{id}/withdraw", { params: { path } }));
            await again();
          }}
        />
      )}
    </>
  );
}

/** Objects to losing one's own rights as an administrator. */
export function ObjectButton({ proposal }: { proposal: Proposal }) {
  const alone = Boolean(proposal.takes_effect_at);
  return (
    <ConfirmButton
      label={words.object}
      title={words.objectAsk}
      happens={alone ? words.objectEnds : words.objectStands}
      reason="needed"
      button={{ size: "xs", variant: "filled" }}
      run={async (reason) => {
        await unwrap(
          api.POST("/api/v1/proposals/{id}/object", {
            params: { path: { id: proposal.id } },
            body: { reason },
          }),
        );
        await again();
      }}
    />
  );
}
