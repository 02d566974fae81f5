import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { templateQuery } from "../api/calls";
import { api, newKey, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Template, TemplateDocument } from "../api/types";
import { m } from "../messages";
import { documentOf, edited, freshTemplate, writable, written } from "../model/document";
import type { Values } from "../model/form";
import { shortName } from "../model/text";
import { Leaving } from "../pieces/Form";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Tabs, useTab } from "../pieces/Tabs";
import classes from "./Admin.module.css";
import { Editor } from "./Editor";
import editor from "./Editor.module.css";
import { LineDiff } from "./LineDiff";
import { Proposed } from "./Proposed";
import { TemplateForm } from "./TemplateForm";
import { TemplatePreview } from "./TemplatePreview";
import { TemplateVersions } from "./TemplateVersions";
import { useTemplateCheck } from "./useTemplate";
import { useWrite } from "./useWrite";

const textOf = (template: Template | null) => written(template ? writable(template) : freshTemplate());

/** The editor of a template: form and JSON over one text, with the publisher's form beside it. */
export function TemplateEditor({ template }: { template: Template | null }) {
  const words = m.recipes.templates;
  const navigate = useNavigate();
  const [base, setBase] = useState(template);
  const [text, setText] = useState(() => textOf(template));
  const [values, setValues] = useState<Values>({});
  const [theirs, setTheirs] = useState<Template | null>(null);
  const [said, setSaid] = useState("");
  const { proposed, run } = useWrite();
  const check = useTemplateCheck(text, values);
  const document = documentOf(text);
  const dirty = text !== textOf(base);
  const tabs = (["form", "json", ...(base ? (["versions"] as const) : [])] as const).map((id) => ({
    id,
    label: words.tabs[id],
  }));
  const open = useTab(tabs);
  const save = useMutation({
    mutationFn: async () => {
      const latest = base
        ? await queries.fetchQuery({ ...templateQuery(base.templateId), staleTime: 0 })
        : null;
      if (base && latest && latest.version > base.version) {
        setTheirs(latest);
        return null;
      }
      return run(
        unwrap(
          api.POST("/api/v1/templates", {
            body: documentOf(text) as TemplateDocument,
            headers: { "Idempotency-Key": newKey() },
          }),
        ),
      );
    },
    onSuccess: (saved) => {
      if (!saved) return;
      setSaid(base?.version === saved.version ? words.unchanged : words.savedAs(saved.version));
      setBase(saved);
      setText(textOf(saved));
      if (!base) navigate(`/admin/templates/${encodeURIComponent(saved.templateId)}`, { replace: true });
    },
  });
  function type(next: string) {
    setSaid("");
    setText(next);
  }
  function goOn(from: Template, mine: boolean) {
    setBase(from);
    setTheirs(null);
    if (!mine) setText(textOf(from));
  }
  const errors = check.notes.filter((note) => note.severity === "error").length;
  return (
    <div className={classes.stack}>
      <Tabs label={words.tabs.label} tabs={tabs} open={open} />
      {proposed && <Proposed words={proposed} />}
      {said && (
        <NoticeBox tone="on" title={said}>
          {said !== words.unchanged && <p>{words.savedWords}</p>}
        </NoticeBox>
      )}
      {theirs && (
        <NoticeBox
          tone="warn"
          title={words.stale(theirs.version, shortName(theirs.created_by))}
          actions={
            <>
              <Button size="xs" onClick={() => goOn(theirs, true)}>
                {words.keep}
              </Button>
              <Button size="xs" variant="default" onClick={() => goOn(theirs, false)}>
                {words.take}
              </Button>
            </>
          }
        >
          <p>{words.staleWords}</p>
          <LineDiff label={words.compare} before={textOf(theirs)} after={text} />
        </NoticeBox>
      )}
      {open === "versions" && base ? (
        <TemplateVersions id={base.templateId} />
      ) : (
        <div className={editor.split}>
          <div className={classes.stack}>
            {open === "form" && document ? (
              <TemplateForm
                document={document}
                fresh={!base}
                act={(edit) => type(written(edited(document, edit)))}
              />
            ) : (
              <Panel>
                <Editor label={words.json} value={text} set={type} notes={check.notes} rows={28} />
              </Panel>
            )}
            {check.problem && <Notice problem={check.problem} retry={check.retry} />}
            {save.error && <Notice problem={save.error} />}
            <Leaving when={dirty && !save.isPending} />
            <div className={editor.bar}>
              <p role="status">
                {errors > 0
                  ? words.findings(errors)
                  : dirty && base
                    ? words.unsaved(base.version)
                    : words.fine}
              </p>
              <span className={classes.row}>
                {dirty && base && (
                  <Button variant="default" onClick={() => type(textOf(base))}>
                    {words.discard}
                  </Button>
                )}
                <Button
                  disabled={!check.good || (base !== null && !dirty) || theirs !== null}
                  loading={save.isPending}
                  onClick={() => save.mutate()}
                >
                  {base ? words.save : words.saveNew}
                </Button>
              </span>
            </div>
            {open === "form" && check.notes.length > 0 && (
              <Panel>
                <ul className={editor.notes} style={{ margin: 0 }}>
                  {check.notes.map((note) => (
                    <li key={`${note.line} ${note.words}`} data-severity={note.severity}>
                      {note.words}
                    </li>
                  ))}
                </ul>
              </Panel>
            )}
          </div>
          <section aria-label={words.preview} className={editor.preview}>
            <TemplatePreview checked={check.checked} values={values} set={setValues} />
          </section>
        </div>
      )}
    </div>
  );
}
