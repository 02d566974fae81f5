import { Button, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import type { Finding, Patch } from "../api/types";
import { m } from "../messages";
import { type Step, steps } from "../model/findings";
import { Diff, DiffSwitch } from "../pieces/Diff";
import { errorsOf } from "../pieces/Findings";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./AskForm.module.css";
import { FindingList } from "./FindingList";
import { focusField } from "./focus";
import type { FormProps } from "./form";
import { Outlook } from "./Outlook";
import { useChecks } from "./useChecks";

interface Props extends FormProps {
  /** Paths of the fields that the form shows: their findings are told there. */
  fields: string[];
  /** What has to be mended before the server is asked. */
  gaps?: string[];
  /** Nothing is asked for yet. */
  idle?: boolean;
  /** The panels of the form, above the reason; told is true once somebody tried to send it. */
  children: (shown: Map<string, Finding[]>, fix: (patch: Patch[]) => void, told: boolean) => ReactNode;
}

/** A request on one page: its fields, why, what it changes, what stands in the way, who will decide, and the button. */
export function AskForm(props: Props) {
  const { content, touched, editing, act, submit, submitLabel, busy, problem, obstacle, after } = props;
  const { fields, gaps = [], idle } = props;
  const self = useSelf();
  const [attempted, setAttempted] = useState<ReadonlySet<Step>>(new Set());
  const checks = useChecks(content, undefined, touched, attempted, editing, gaps.length === 0);
  const list = useRef<HTMLDivElement>(null);
  const words = m.publish.review;
  const told = attempted.size > 0;
  const fix = (patch: Patch[]) => act({ do: "patch", patch });
  const held = (finding: Finding) => fields.some((field) => isWithin(finding.field ?? "", field));
  const all = [...checks.shown.values()].flat();
  const errors = [...checks.errors.values()].flat();
  const loose = all.filter((finding) => !held(finding) && finding.field !== "reason");
  const standing = loose.filter((finding) => finding.severity === "error");
  const notes = loose.filter((finding) => finding.severity === "warning");
  function send(event: FormEvent) {
    event.preventDefault();
    setAttempted(new Set(steps));
    if (errors.length > 0 || gaps.length > 0) {
      const first = errors.map((finding) => finding.field ?? "").filter(Boolean);
      if (standing.length > 0 || gaps.length > 0 || first.length === 0) list.current?.focus();
      else focusField(first);
    } else if (!busy && !idle) submit(content);
  }
  return (
    <form onSubmit={send} noValidate className={classes.columns}>
      <div className={classes.main}>
        {props.children(checks.shown, fix, told)}
        <Panel title={m.change.why}>
          <Textarea
            id="reason"
            aria-label={m.change.why}
            description={m.change.whyHelp}
            autosize
            minRows={2}
            value={content.reason ?? ""}
            onChange={(event) => act({ do: "text", name: "reason", value: event.currentTarget.value })}
            error={errorsOf({ findings: checks.shown.get("reason"), fix })}
          />
        </Panel>
        <Panel title={m.change.effect} aside={<DiffSwitch />}>
          <Diff changes={idle ? [] : (checks.assessment?.diff ?? [])} nothing={m.change.nothing} />
        </Panel>
        <div ref={list} tabIndex={-1} className={classes.findings}>
          {checks.problem ? <Notice problem={checks.problem} retry={checks.retry} /> : null}
          {told && gaps.length > 0 && (
            <NoticeBox tone="danger" title={words.mend}>
              <ul>
                {gaps.map((gap) => (
                  <li key={gap}>{gap}</li>
                ))}
              </ul>
            </NoticeBox>
          )}
          {standing.length > 0 && (
            <NoticeBox tone="danger" title={m.request.inTheWay}>
              <FindingList findings={standing} fix={fix} />
            </NoticeBox>
          )}
          {notes.length > 0 && (
            <NoticeBox tone="warn" title={words.warnings}>
              <FindingList findings={notes} fix={fix} />
            </NoticeBox>
          )}
        </div>
        {problem ? <Notice problem={problem} /> : null}
        {obstacle}
        <div className={classes.buttons}>
          <Button type="submit" loading={busy} disabled={idle || (!checks.current && gaps.length === 0)}>
            {submitLabel}
          </Button>
          <p className={classes.as} role="status">
            {idle ? m.change.nothing : checks.current ? words.signedIn(self.display_name) : words.checking}
          </p>
        </div>
        {after}
      </div>
      <Outlook assessment={idle ? undefined : checks.assessment} />
    </form>
  );
}

/** Whether a path is a field or inside it. */
const isWithin = (path: string, field: string) => path === field || path.startsWith(`${field}.`);
