import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Segment } from "../api/types";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { segmentHistoryQuery } from "./calls";

/** What an audience was, and the way back to the revision before. */
export function SegmentHistory({ segment, writes }: { segment: Segment; writes: boolean }) {
  const words = m.admin.segments;
  const navigate = useNavigate();
  const items = useQuery(segmentHistoryQuery(segment.name)).data?.items ?? [];
  if (items.length < 2) return null;
  async function back() {
    const { request } = await unwrap(
      api.POST("/api/v1/segments/{name}/rollback", { params: { path: { name: segment.name } } }),
    );
    await queries.invalidateQueries();
    if (request) navigate(`/requests/${request.id}`);
  }
  return (
    <Panel
      title={words.history}
      flush
      aside={
        writes && (
          <ConfirmButton
            label={words.back}
            title={words.backAsk(segment.title)}
            happens={words.backHappens}
            button={{ size: "xs" }}
            run={back}
          />
        )
      }
    >
      <Rows label={words.history}>
        {items.map((one) => (
          <Row
            key={one.revision}
            title={one.words}
            words={one.by && <Who email={one.by} />}
            to={one.request_id && `/requests/${one.request_id}`}
            at={one.by && <When at={one.at} />}
          />
        ))}
      </Rows>
    </Panel>
  );
}
