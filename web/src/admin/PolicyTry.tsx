import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { requestsQuery, templateQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { written } from "../model/document";
import { read } from "../model/place";
import { inputOf, policyInput, sampleRequest } from "../model/policyInput";
import { sentence } from "../model/text";
import { Facts } from "../pieces/Facts";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { RiskChip } from "../pieces/states";
import classes from "./Admin.module.css";
import { Editor, type Note } from "./Editor";
import editor from "./Editor.module.css";
import { noticesOf } from "./notices";
import type { Trial } from "./types";

/** What a source would decide of a request, and which of its rules decided. */
export function PolicyTry({ name, source }: { name: string; source: string }) {
  const words = m.recipes.policies;
  const requests = useQuery(requestsQuery({ limit: 20 })).data?.items ?? [];
  const [text, setText] = useState(() => written(policyInput(sampleRequest, null)));
  const input = inputOf(text);
  const done = read(text);
  const notes: Note[] =
    "error" in done
      ? [{ line: done.error.line, severity: "error", words: m.recipes.templates.broken[done.error.kind] }]
      : [];
  const attempt = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/policies:try", { body: { source, name: name || undefined, input: input ?? {} } }),
      ),
  });
  async function prefill(id: string) {
    const request = requests.find((one) => one.id === id);
    const template = request?.template_id
      ? await queries.fetchQuery(templateQuery(request.template_id))
      : null;
    setText(written(policyInput(request ?? sampleRequest, template)));
    attempt.reset();
  }
  return (
    <div className={editor.split}>
      <Panel>
        <p className={classes.quiet} style={{ marginBottom: 16 }}>
          {words.tryWords}
        </p>
        <div className={classes.stack} style={{ gap: 16 }}>
          <NativeSelect
            label={words.prefill}
            data={[
              { value: "", label: words.sampleInput },
              ...requests.map((one) => ({ value: one.id, label: one.title })),
            ]}
            onChange={(event) => prefill(event.currentTarget.value)}
          />
          <Editor
            label={words.input}
            description={words.inputHint}
            value={text}
            set={setText}
            notes={notes}
            rows={18}
          />
          <div>
            <Button disabled={!input} loading={attempt.isPending} onClick={() => attempt.mutate()}>
              {words.tryIt}
            </Button>
          </div>
        </div>
      </Panel>
      <div className={classes.stack} aria-live="polite">
        {attempt.error && <Notice problem={attempt.error} />}
        {attempt.data && <Outcome trial={attempt.data} />}
      </div>
    </div>
  );
}

function Outcome({ trial }: { trial: Trial }) {
  const words = m.recipes.policies;
  const n = trial.findings.length;
  const notices = noticesOf(trial.warnings);
  const title = { passed: words.passes, warned: words.warns(n), refused: words.denies(n) }[trial.decision];
  const approvals = Object.entries(trial.approvals).map(([domain, count]) => `${domain} (${count})`);
  return (
    <>
      <NoticeBox
        tone={trial.decision === "passed" ? "on" : trial.decision === "warned" ? "warn" : "danger"}
        title={title}
      >
        <ul>
          {trial.findings.map((finding) => (
            <li key={finding.code + finding.message}>
              {sentence(finding.message)} {finding.remediation && sentence(finding.remediation)}{" "}
              {finding.field && <code>{finding.field}</code>}
            </li>
          ))}
        </ul>
      </NoticeBox>
      {notices.length > 0 && (
        <NoticeBox tone="warn" title={words.notices}>
          <ul>
            {notices.map((notice) => (
              <li key={notice}>{notice}</li>
            ))}
          </ul>
        </NoticeBox>
      )}
      <Panel title={words.decision}>
        <Facts
          rows={[
            [words.risk, <RiskChip key="risk" risk={trial.risk} />],
            [words.approvals, approvals.join(", ") || words.nobody],
          ]}
        />
      </Panel>
      <Panel title={words.trace}>
        {trial.rules.length === 0 && words.traceNone}
        <ul className={editor.rules}>
          {trial.rules.map((rule) => (
            <li key={`${rule.rule} ${rule.line}`}>
              <strong>{rule.rule}</strong>{" "}
              <span className={classes.quiet}>
                {words.line(rule.line)} · {rule.holds ? words.held : words.notHeld}
              </span>
              {rule.words && <p style={{ margin: 0 }}>{sentence(rule.words)}</p>}
              {rule.steps.map((step) => (
                <div key={`${step.line} ${step.text}`} className={editor.step} data-result={step.result}>
                  <span>{step.line}</span>
                  <span>
                    {step.text} · {words.results[step.result]}
                  </span>
                </div>
              ))}
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}
