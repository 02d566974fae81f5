import { IconUsersPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { AdminPage } from "../../admin/AdminPage";
import { proposalsQuery } from "../../admin/calls";
import { ProposalActs } from "../../admin/ProposalActs";
import type { Proposal } from "../../admin/types";
import { m } from "../../messages";
import { list, sentence, shortName } from "../../model/text";
import { Empty } from "../../pieces/Empty";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";
import { Row, RowSkeleton, Rows } from "../../pieces/Rows";
import { When } from "../../pieces/When";
import { Who } from "../../pieces/Who";
import { useSelf } from "../../session/session";

/** What waits for a second administrator. */
export function Component() {
  const self = useSelf();
  const query = useQuery({ ...proposalsQuery, enabled: self.can.includes("proposal.read") });
  const words = m.admin.proposals;
  const items = query.data?.items ?? [];
  return (
    <AdminPage section="proposals" words={words.words}>
      {query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      <Panel flush>
        {query.isPending && <RowSkeleton rows={2} />}
        {query.data && items.length === 0 && (
          <Empty tall icon={<IconUsersPlus />} title={words.none} words={words.noneWords} />
        )}
        <Rows label={words.title}>
          {items.map((one) => (
            <Row
              key={one.id}
              title={sentence(one.words)}
              words={<Words proposal={one} />}
              end={<ProposalActs proposal={one} />}
            />
          ))}
        </Rows>
      </Panel>
    </AdminPage>
  );
}

function Words({ proposal }: { proposal: Proposal }) {
  const words = m.admin.proposals;
  const own = proposal.by_id === useSelf().id;
  const removes = proposal.removes ?? [];
  const effect = proposal.takes_effect_at;
  return (
    <>
      {words.by} <Who email={proposal.by} />, <When at={proposal.at} /> ·{" "}
      {effect ? (
        <>
          {words.effect} <When at={effect} />{" "}
          {words.unless(
            list(
              removes.map((one) => shortName(one.email)),
              "or",
            ),
          )}
        </>
      ) : (
        <>
          {words.until.toLowerCase()} <When at={proposal.expires_at} />
          {own && <> · {words.own}</>}
        </>
      )}
      {removes.map(
        (one) =>
          one.objected_at && (
            <span key={one.id}>
              {" "}
              · {words.objected(shortName(one.email))} {one.reason}
            </span>
          ),
      )}
    </>
  );
}
