import { Button } from "@mantine/core";
import { IconFilePlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { requestsQuery } from "../api/calls";
import { m } from "../messages";
import { shortName } from "../model/text";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { RequestChip } from "../pieces/states";
import { When } from "../pieces/When";
import { titleOf } from "../request/title";

/** The newest requests of the person. */
export const mineQuery = requestsQuery({ mine: true, limit: 5 });

/** What the person has asked for lately. */
export function MyRequests() {
  const requests = useQuery(mineQuery);
  const items = requests.data?.items;
  return (
    <Panel title={m.home.mine} flush>
      {requests.error && !items && <Notice problem={requests.error} retry={requests.refetch} />}
      {requests.isPending && <RowSkeleton rows={1} />}
      {items?.length === 0 && (
        <Empty icon={<IconFilePlus />} title={m.home.mineEmpty} words={m.home.mineEmptyWords}>
          <Button component={Link} to="/publish">
            {m.home.publish}
          </Button>
        </Empty>
      )}
      {items && items.length > 0 && (
        <Rows label={m.home.mine}>
          {items.map((request) => (
            <Row
              key={request.id}
              to={`/requests/${request.id}`}
              title={titleOf(request)}
              words={request.approvals_needed
                .filter((need) => request.state === "needs_approval" && need.given < need.quorum)
                .map((need) => m.home.waitsFor(need.domain, need.eligible.map(shortName)))
                .join(" · ")}
              end={<RequestChip state={request.state} />}
              at={<When at={request.created_at} />}
            />
          ))}
        </Rows>
      )}
    </Panel>
  );
}
