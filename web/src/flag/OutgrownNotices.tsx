import { Link, useNavigate } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { AudienceSize, Flag } from "../api/types";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { NoticeBox } from "../pieces/Notice";

/** Says which audiences of a switch have outgrown what was approved, and asks for so many people to be approved. */
export function OutgrownNotices({ flag }: { flag: Flag }) {
  return flag.audiences.filter((one) => one.outgrown).map((one) => <Outgrown key={one.segment} one={one} />);
}

function Outgrown({ one }: { one: AudienceSize }) {
  const words = m.flag.audienceSize;
  const navigate = useNavigate();
  async function ask(reason: string) {
    const request = await unwrap(
      api.POST("/api/v1/requests", {
        body: {
          kind: "change_segment",
          segment: one.segment,
          base_revision: one.revision,
          change: {},
          reason,
        },
      }),
    );
    await queries.invalidateQueries();
    navigate(`/requests/${request.id}`);
  }
  return (
    <NoticeBox
      tone="warn"
      title={words.outgrown(one)}
      actions={
        one.can.includes("confirm") && (
          <ConfirmButton
            label={words.ask(one)}
            title={words.askTitle(one)}
            happens={words.happens}
            reason="needed"
            button={{ size: "xs" }}
            run={ask}
          />
        )
      }
    >
      <p>
        {words.why} <Link to={`/admin/segments/${encodeURIComponent(one.segment)}`}>{words.look}</Link>
      </p>
    </NoticeBox>
  );
}
