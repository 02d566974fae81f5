import { Button } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, over, Problem, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Policy } from "../api/types";
import { m } from "../messages";
import { packageOf } from "../model/policyInput";
import { ConfirmButton } from "../pieces/Confirm";
import { Facts } from "../pieces/Facts";
import { Form, Leaving } from "../pieces/Form";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Tabs, useTab } from "../pieces/Tabs";
import { useEdit } from "../pieces/useEdit";
import classes from "./Admin.module.css";
import { policyQuery } from "./calls";
import { Editor, type Note } from "./Editor";
import editor from "./Editor.module.css";
import { LineDiff } from "./LineDiff";
import { lineOf } from "./notices";
import { PolicyDryRun } from "./PolicyDryRun";
import { PolicySwitch } from "./PolicySwitch";
import { PolicyTests } from "./PolicyTests";
import { PolicyTry } from "./PolicyTry";
import { Proposed } from "./Proposed";
import { useWrite } from "./useWrite";

const parts = ["source", "tests", "try", "dry"] as const;

/** The source of a policy, its tests, what it would decide, and whom it would stop. */
export function PolicyEditor({ policy }: { policy: Policy }) {
  const words = m.recipes.policies;
  const navigate = useNavigate();
  const make = policy.name === "";
  const tabs = parts.map((id) => ({ id, label: words.tabs[id] }));
  const open = useTab(tabs);
  const { proposed, run } = useWrite();
  const [asked, setAsked] = useState(false);
  const reread = () => queries.fetchQuery({ ...policyQuery(policy.name), staleTime: 0 });
  const edit = useEdit({
    read: policy,
    pick: ({ source }) => ({ source }),
    save: async ({ source }, revision) => {
      const answer = await run(
        unwrap(
          api.PUT("/api/v1/policies/{name}", {
            params: { path: { name: make ? packageOf(source) : policy.name }, header: over(revision) },
            body: { source },
          }),
        ),
      );
      return answer ?? (make ? policy : reread());
    },
    reread,
    saved: (saved) => {
      if (make && saved.name)
        navigate(`/admin/policies/${encodeURIComponent(saved.name)}`, { replace: true });
    },
  });
  const { source } = edit.value;
  const name = make ? packageOf(source) : policy.name;
  const notes = edit.problem === null && !edit.dirty ? warningsOf(policy) : notesOf(edit.problem);
  function send() {
    setAsked(true);
    if (name) edit.save();
  }
  return (
    <div className={classes.stack}>
      <Tabs label={words.tabs.label} tabs={tabs} open={open} />
      {proposed && <Proposed words={proposed} />}
      {policy.problem && <NoticeBox tone="danger" title={policy.problem} />}
      {edit.theirs && (
        <NoticeBox
          tone="warn"
          title={m.pieces.stale.title}
          actions={
            <>
              <Button size="xs" onClick={edit.keep}>
                {m.pieces.stale.keep}
              </Button>
              <Button size="xs" variant="default" onClick={edit.take}>
                {m.pieces.stale.take}
              </Button>
            </>
          }
        >
          <p>{m.pieces.stale.words}</p>
          <LineDiff label={words.source} before={edit.theirs.source} after={source} />
        </NoticeBox>
      )}
      <Leaving when={edit.dirty && !edit.busy} />
      {open === "source" && (
        <Form label={words.source} submit={send}>
          <Panel>
            {make && <Facts rows={[[words.packageName, name || "–"]]} />}
            <Editor
              label={words.source}
              description={words.sourceHint}
              value={source}
              set={(next) => edit.set({ source: next })}
              notes={asked && !name ? [{ line: 1, severity: "error", words: words.packageHint }] : notes}
            />
          </Panel>
          {edit.problem !== null && notes.length === 0 && <Notice problem={edit.problem} />}
          <div className={editor.bar}>
            <p role="status">{edit.dirty ? words.unsaved : ""}</p>
            <span className={classes.row}>
              {edit.dirty && !make && (
                <Button variant="default" onClick={edit.discard}>
                  {m.pieces.save.discard}
                </Button>
              )}
              <Button
                type="submit"
                loading={edit.busy}
                disabled={(!make && !edit.dirty) || Boolean(edit.theirs)}
              >
                {make ? words.saveNew : words.save}
              </Button>
            </span>
          </div>
        </Form>
      )}
      {open === "tests" && <PolicyTests name={name} source={source} />}
      {open === "try" && <PolicyTry name={name} source={source} />}
      {open === "dry" && <PolicyDryRun name={name} source={source} />}
      {!make && open === "source" && (
        <div className={classes.row}>
          <PolicySwitch policy={policy} run={run} />
          {policy.origin !== "standard" && <Remove policy={policy} />}
        </div>
      )}
    </div>
  );
}

function Remove({ policy }: { policy: Policy }) {
  const words = m.recipes.policies;
  const navigate = useNavigate();
  const back = policy.replaces_standard;
  return (
    <ConfirmButton
      danger
      label={back ? words.restore : words.delete}
      title={words.deleteAsk(policy.name)}
      happens={back ? words.restoreHappens : words.deleteHappens}
      button={{ size: "xs" }}
      run={async () => {
        await unwrap(
          api.DELETE("/api/v1/policies/{name}", {
            params: { path: { name: policy.name }, header: over(policy.revision) },
          }),
        );
        await queries.invalidateQueries();
        if (!back) await navigate("/admin/policies", { replace: true });
      }}
    />
  );
}

/** What of a policy nobody hears, and what it reads that no request has. */
function warningsOf(policy: Policy): Note[] {
  return (policy.warnings ?? []).map((item) => ({
    line: lineOf(item),
    severity: item.severity,
    words: [item.message, item.remediation].filter(Boolean).join("; "),
  }));
}

/** What the server says of a source, at the line that its first words name. */
export function notesOf(problem: unknown): Note[] {
  if (!(problem instanceof Problem)) return [];
  const first = Number(/\bline (\d+)/.exec(problem.message)?.[1] ?? 0);
  return problem.errors
    .filter((item) => item.field === "source")
    .map((item, i) => ({
      line: i === 0 ? first : 0,
      severity: "error",
      words: [item.message, item.remediation].filter(Boolean).join("; "),
    }));
}
