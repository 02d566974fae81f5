import { IconUsersPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { AdminPage } from "../../admin/AdminPage";
import { proposalsQuery } from "../../admin/calls";
import type { Proposal } from "../../admin/types";
import { api, unwrap } from "../../api/client";
import { queries } from "../../api/queries";
import { useSelf } from "../../app/session";
import { m } from "../../messages";
import { sentence } from "../../model/text";
import { ConfirmButton } from "../../pieces/Confirm";
import { Empty } from "../../pieces/Empty";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";
import { Row, RowSkeleton, Rows } from "../../pieces/Rows";
import { When } from "../../pieces/When";
import { Who } from "../../pieces/Who";

/** What waits for a second administrator. */
export function Component() {
  const self = useSelf();
  const query = useQuery({ ...proposalsQuery, enabled: self.can.includes("govern.write") });
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
              words={
                <>
                  {words.by} <Who email={one.by} />, <When at={one.at} /> · {words.until.toLowerCase()}{" "}
                  <When at={one.expires_at} />
                  {one.by_id === self.id && <> · {words.own}</>}
                </>
              }
              end={<Acts proposal={one} own={one.by_id === self.id} />}
            />
          ))}
        </Rows>
      </Panel>
    </AdminPage>
  );
}

function Acts({ proposal, own }: { proposal: Proposal; own: boolean }) {
  const words = m.admin.proposals;
  const path = { id: proposal.id };
  const again = () => queries.invalidateQueries();
  return (
    <>
      {!own && (
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
    </>
  );
}
