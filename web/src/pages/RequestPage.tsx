import { Button, Popover } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { requestQuery } from "../api/calls";
import type { Request } from "../api/types";
import { m } from "../messages";
import { readTargeting } from "../model/rule";
import { sentence } from "../model/text";
import { Loading } from "../pieces/Loading";
import { MissingScreen } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { PlanWords } from "../pieces/PlanWords";
import { RequestChip, RiskChip } from "../pieces/states";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { Again } from "../request/Again";
import { Approvals } from "../request/Approvals";
import { Changes } from "../request/Changes";
import { Checks } from "../request/Checks";
import { Decide } from "../request/Decide";
import { History } from "../request/History";
import { Outcome } from "../request/Outcome";
import { titleOf } from "../request/title";
import { Withdraw } from "../request/Withdraw";
import classes from "./RequestPage.module.css";

/** A request on one screen: what it changes, what it risks, what was found, who decides, what happened. */
export function Component() {
  const { id = "" } = useParams();
  const query = useQuery(requestQuery(id));
  if (query.data) return <Screen request={query.data} />;
  return query.error ? (
    <MissingScreen problem={query.error} retry={query.refetch} />
  ) : (
    <Loading panels={[160, 280, 240]} />
  );
}

function Screen({ request }: { request: Request }) {
  const title = titleOf(request);
  return (
    <Page
      title={m.request.title(title)}
      heading={title}
      above={<RequestChip state={request.state} />}
      words={
        <>
          {m.request.by("")} <Who email={request.requester} /> <When at={request.created_at} />
        </>
      }
      actions={<Actions request={request} />}
    >
      <Outcome request={request} />
      <div className={classes.columns}>
        <div className={classes.main}>
          <Again request={request} />
          <Changes changes={request.diff} reason={request.reason} rules={rulesOf(request)} />
          {request.checks.length > 0 && <Checks checks={request.checks} />}
          <History request={request} />
        </div>
        <div className={classes.aside}>
          <Decide request={request} key={request.id} />
          <RiskAndReach request={request} />
          {request.state !== "draft" && <Approvals request={request} />}
          {request.plan.length > 0 && (
            <Panel title={m.request.plan}>
              <PlanWords steps={request.plan} />
            </Panel>
          )}
        </div>
      </div>
    </Page>
  );
}

/** The rules that a request asks for, in plain words; none where it asks for something else. */
function rulesOf({ change }: Request): string[] {
  if (change?.mode !== "custom") return [];
  const rules = readTargeting(change.targeting ?? undefined);
  return m.change.rulesWords(rules, change.default_variant || m.change.rules.standard);
}

function Actions({ request }: { request: Request }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      {request.can.includes("edit") && (
        <Button
          variant="default"
          component={Link}
          to={`/requests/${request.id}/edit`}
          leftSection={<IconPencil size={16} aria-hidden />}
        >
          {request.state === "draft" ? m.request.next.continue : m.request.edit}
        </Button>
      )}
      {request.can.includes("withdraw") && (
        <Popover opened={open} onChange={setOpen} width={320} position="bottom-end" trapFocus>
          <Popover.Target>
            <Button variant="default" onClick={() => setOpen(!open)}>
              {request.state === "draft" ? m.request.discard : m.request.withdraw}
            </Button>
          </Popover.Target>
          <Popover.Dropdown aria-label={request.state === "draft" ? m.request.discard : m.request.withdraw}>
            <Withdraw request={request} close={() => setOpen(false)} />
          </Popover.Dropdown>
        </Popover>
      )}
    </>
  );
}

function RiskAndReach({ request }: { request: Request }) {
  const { impact, risk, risk_reasons: reasons } = request;
  return (
    <Panel title={m.request.risk} aside={<RiskChip risk={risk} />}>
      {reasons.length > 0 ? (
        <ul className={classes.reasons}>
          {reasons.map((reason) => (
            <li key={reason}>{sentence(reason)}</li>
          ))}
        </ul>
      ) : (
        m.request.noRisk
      )}
      <h3 className={classes.impact}>{m.request.impact}</h3>
      {impact.words && <p className={classes.line}>{sentence(impact.words)}</p>}
      {impact.lately && (
        <p className={classes.dim}>{m.request.lately(impact.lately.before, impact.lately.after)}</p>
      )}
      {impact.audience && <p className={classes.dim}>{sentence(m.request.people(impact.people))}</p>}
      {impact.downstream.length > 0 && (
        <p className={classes.dim}>{sentence(m.request.downstream(impact.downstream))}</p>
      )}
    </Panel>
  );
}
