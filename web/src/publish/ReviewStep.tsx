import { Button, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useRef } from "react";
import { Link, useLocation } from "react-router";
import type { Content, Finding } from "../api/types";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { stepOf } from "../model/findings";
import type { FormField } from "../model/form";
import { sentence, shortName } from "../model/text";
import { errorsOf } from "../pieces/Findings";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { PlanWords } from "../pieces/PlanWords";
import { RiskChip } from "../pieces/states";
import form from "./PublishForm.module.css";
import classes from "./ReviewStep.module.css";
import { stepAddress } from "./StepNav";
import { Summary } from "./Summary";
import type { Checks } from "./useChecks";
import type { Act } from "./useDraft";

interface Props {
  content: Content;
  fields: FormField[];
  checks: Checks;
  act: (act: Act) => void;
  goTo: (field: string) => void;
  attempt: () => void;
  submit: (content: Content) => void;
  submitLabel: string;
  busy: boolean;
  problem: unknown;
  obstacle?: ReactNode;
}

/** The last step: all of it once more, what it means, and the button. */
export function ReviewStep(props: Props) {
  const { content, fields, checks, act, goTo, attempt, submit, busy, problem, obstacle } = props;
  const self = useSelf();
  const { search } = useLocation();
  const words = m.publish.review;
  const errors = [...checks.errors.values()].flat();
  const list = useRef<HTMLDivElement>(null);
  const notes = [...checks.shown.values()].flat().filter((finding) => finding.severity === "warning");
  function send(event: FormEvent) {
    event.preventDefault();
    attempt();
    if (errors.length > 0) list.current?.focus();
    else if (!busy) submit(content);
  }
  return (
    <form onSubmit={send} noValidate className={classes.columns}>
      <div className={classes.main}>
        <div ref={list} tabIndex={-1} className={classes.findings}>
          {errors.length > 0 && (
            <NoticeBox tone="danger" title={words.mend}>
              <FindingList findings={errors} goTo={goTo} />
            </NoticeBox>
          )}
          {notes.length > 0 && (
            <NoticeBox tone="warn" title={words.warnings}>
              <FindingList findings={notes} goTo={goTo} />
            </NoticeBox>
          )}
        </div>
        <Panel title={words.summary}>
          <Summary content={content} fields={fields} />
        </Panel>
        <Panel title={words.why}>
          <Textarea
            id="reason"
            aria-label={words.why}
            description={words.whyHelp}
            autosize
            minRows={2}
            value={content.reason ?? ""}
            onChange={(event) => act({ do: "text", name: "reason", value: event.currentTarget.value })}
            error={errorsOf({
              findings: checks.shown.get("reason"),
              fix: (patch) => act({ do: "patch", patch }),
            })}
          />
        </Panel>
        {problem ? <Notice problem={problem} /> : null}
        {obstacle}
        <div className={form.buttons}>
          <Button variant="default" component={Link} to={stepAddress(search, "options")}>
            {m.publish.previous}
          </Button>
          <Button type="submit" loading={busy} disabled={!checks.current}>
            {props.submitLabel}
          </Button>
        </div>
        <p className={classes.as}>{checks.current ? words.signedIn(self.display_name) : words.checking}</p>
      </div>
      <Outlook checks={checks} />
    </form>
  );
}

function FindingList({ findings, goTo }: { findings: Finding[]; goTo: (field: string) => void }) {
  return (
    <ul>
      {findings.map((finding) => (
        <li key={`${finding.field} ${finding.message}`}>
          {sentence(finding.message)} {finding.remediation && sentence(finding.remediation)}{" "}
          {finding.field && stepOf(finding.field) !== "review" && (
            <Button
              size="compact-xs"
              variant="subtle"
              aria-label={`${m.publish.review.goTo}: ${finding.message}`}
              onClick={() => goTo(finding.field ?? "")}
            >
              {m.publish.review.goTo}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** What a submit will lead to: risk and why, who approves, and the way to people. */
function Outlook({ checks: { assessment } }: { checks: Checks }) {
  if (!assessment) return null;
  const words = m.publish.review;
  return (
    <aside className={classes.aside} aria-label={words.path}>
      <Panel title={words.risk} aside={<RiskChip risk={assessment.risk} />}>
        {assessment.risk_reasons.length > 0 ? (
          <ul className={classes.plain}>
            {assessment.risk_reasons.map((reason) => (
              <li key={reason}>{sentence(reason)}</li>
            ))}
          </ul>
        ) : (
          m.request.noRisk
        )}
      </Panel>
      <Panel title={words.approvers}>
        {assessment.approvals_needed.length === 0 ? (
          words.nobody
        ) : (
          <ul className={classes.plain}>
            {assessment.approvals_needed.map((need) => (
              <li key={need.domain}>
                <strong>{words.approver(need.domain, need.quorum)}</strong>
                <span className={classes.dim}> · {words.eligible(need.eligible.map(shortName))}</span>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {assessment.plan.length > 0 && (
        <Panel title={words.path}>
          <PlanWords steps={assessment.plan} />
          <p className={classes.dim}>{words.pathWords}</p>
        </Panel>
      )}
    </aside>
  );
}
