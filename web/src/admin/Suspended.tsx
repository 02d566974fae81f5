import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { m } from "../messages";
import { partOf } from "../model/proposal";
import { NoticeBox } from "../pieces/Notice";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { useSelf } from "../session/session";
import { proposalsQuery } from "./calls";
import { ObjectButton } from "./ProposalActs";

/** Tells a suspended administrator what they may still do, and lets them object. */
export default function Suspended() {
  const self = useSelf();
  const words = m.admin.suspended;
  const proposal = useQuery(proposalsQuery).data?.items.find((one) => partOf(one, self).concerned);
  const effect = proposal?.takes_effect_at;
  return (
    <NoticeBox
      tone="warn"
      title={words.title}
      actions={
        proposal && (
          <>
            {partOf(proposal, self).object && <ObjectButton proposal={proposal} />}
            <Anchor component={Link} to="/admin/proposals">
              {m.admin.proposed.open}
            </Anchor>
          </>
        )
      }
    >
      <p>
        {words.words}{" "}
        {proposal && (
          <>
            <Who email={proposal.by} /> {words.by}{" "}
            {effect ? (
              <>
                {words.effect} <When at={effect} /> {words.unless}
              </>
            ) : (
              words.decides
            )}
          </>
        )}
      </p>
    </NoticeBox>
  );
}
