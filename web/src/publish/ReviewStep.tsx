import { Button, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useRef } from "react";
import { Link, useLocation } from "react-router";
import type { Content, Patch } from "../api/types";
import ask from "../form/AskForm.module.css";
import type { Act } from "../form/draft";
import { FindingList } from "../form/FindingList";
import { Outlook } from "../form/Outlook";
import type { Checks } from "../form/useChecks";
import { m } from "../messages";
import { stepOf } from "../model/findings";
import type { FormField } from "../model/form";
import { errorsOf } from "../pieces/Findings";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import form from "./PublishForm.module.css";
import { stepAddress } from "./StepNav";
import { Summary } from "./Summary";

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
  const fix = (patch: Patch[]) => act({ do: "patch", patch });
  const lead = (field: string) => (stepOf(field) === "review" ? undefined : () => goTo(field));
  function send(event: FormEvent) {
    event.preventDefault();
    attempt();
    if (errors.length > 0) list.current?.focus();
    else if (!busy) submit(content);
  }
  return (
    <form onSubmit={send} noValidate className={ask.columns}>
      <div className={ask.main}>
        <div ref={list} tabIndex={-1} className={ask.findings}>
          {errors.length > 0 && (
            <NoticeBox tone="danger" title={words.mend}>
              <FindingList findings={errors} goTo={lead} fix={fix} />
            </NoticeBox>
          )}
          {notes.length > 0 && (
            <NoticeBox tone="warn" title={words.warnings}>
              <FindingList findings={notes} goTo={lead} fix={fix} />
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
            error={errorsOf({ findings: checks.shown.get("reason"), fix })}
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
        <p className={form.as}>{checks.current ? words.signedIn(self.display_name) : words.checking}</p>
      </div>
      <Outlook assessment={checks.assessment} />
    </form>
  );
}
