import type { Request } from "../api/types";
import { m } from "../messages";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import { RequestChip } from "../pieces/states";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { titleOf } from "../request/title";

/** What is asked for about an app and not decided yet. */
export function OpenRequests({ requests }: { requests: Request[] }) {
  if (requests.length === 0) return null;
  return (
    <Panel title={m.app.requests} flush>
      <Rows label={m.app.requests}>
        {requests.map((request) => (
          <Row
            key={request.id}
            to={`/requests/${request.id}`}
            title={titleOf(request)}
            words={
              <>
                {m.request.by("")} <Who email={request.requester} />
              </>
            }
            end={<RequestChip state={request.state} />}
            at={<When at={request.created_at} />}
          />
        ))}
      </Rows>
    </Panel>
  );
}
