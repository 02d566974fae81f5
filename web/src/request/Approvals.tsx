import { IconCheck, IconCircleDashed, IconCircleX } from "@tabler/icons-react";
import type { Decision, Request } from "../api/types";
import { m } from "../messages";
import { sentence, shortName } from "../model/text";
import { Panel } from "../pieces/Page";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./Approvals.module.css";

/** Who must decide, who has, and who still can. */
export function Approvals({ request }: { request: Request }) {
  const { approvals_needed: needs, decisions } = request;
  const open = ["checking", "needs_approval", "needs_fixes"].includes(request.state);
  const rest = decisions.filter((one) => !needs.some((need) => need.domain === one.domain));
  return (
    <Panel title={m.request.approvals}>
      {needs.length === 0 && decisions.length === 0 && m.request.noneNeeded}
      <ul className={classes.needs}>
        {needs.map((need) => (
          <li key={need.domain}>
            <div className={classes.head}>
              {need.given >= need.quorum ? (
                <IconCheck size={18} className={classes.done} aria-hidden />
              ) : (
                <IconCircleDashed size={18} className={classes.open} aria-hidden />
              )}
              <span className={classes.domain}>{need.domain}</span>
              <span className={classes.count}>{m.request.need(need.given, need.quorum)}</span>
            </div>
            {open && need.given < need.quorum && (
              <p className={classes.who}>
                {need.eligible.length > 0 && `${m.request.waiting(need.eligible.map(shortName))} `}
                {need.lacking > 0 && m.request.nobody}
              </p>
            )}
            <Decisions decisions={decisions.filter((one) => one.domain === need.domain)} />
          </li>
        ))}
        {rest.length > 0 && (
          <li>
            <Decisions decisions={rest} />
          </li>
        )}
      </ul>
    </Panel>
  );
}

const said = { approved: m.request.saidYes, denied: m.request.saidNo, asked: m.request.saidAsked };

function Decisions({ decisions }: { decisions: Decision[] }) {
  return decisions.map((one) => (
    <p key={one.id} className={classes.decision} data-void={one.void || undefined}>
      {one.verdict === "denied" && <IconCircleX size={16} className={classes.denied} aria-hidden />}
      <Who email={one.by} /> {said[one.verdict]} <When at={one.at} />
      {one.reason && <q className={classes.reason}>{one.reason}</q>}
      {one.void && <span className={classes.note}>{sentence(m.request.void[one.void])}</span>}
      {one.foreign_token && <span className={classes.note}>{sentence(m.request.foreign)}</span>}
    </p>
  ));
}
