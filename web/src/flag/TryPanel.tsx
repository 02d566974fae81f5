import { Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { tryQuery } from "../api/calls";
import type { Environment, Flag } from "../api/types";
import { m } from "../messages";
import { text } from "../model/address";
import { attributesOf, contextOf } from "../model/trial";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useFilters } from "../pieces/useFilters";
import { useSettled } from "../pieces/useSettled";
import { useSelf } from "../session/session";
import { TrialAnswer } from "./TrialAnswer";
import classes from "./TryPanel.module.css";

interface Props {
  flag: Flag;
  known: Environment[];
}

// An emptied field stands in the address too: it is not the same as one that was never touched.
const emptied = " ";
const typed = (value: string | undefined) => (value === emptied ? "" : value);

const address = { in: text, who: text, groups: text, more: (value: string) => value };

/** Tries the flag with a context. Where and who stand in the address; without them it is oneself, in production. */
export function TryPanel({ flag, known }: Props) {
  const { read, set } = useFilters(address);
  const self = useSelf();
  const words = m.trial;
  const production = known.find((one) => one.tier === "production") ?? known.at(-1);
  const where = read("in") ?? production?.name ?? "";
  const person = typed(read("who")) ?? self.email;
  const groups = typed(read("groups"))?.split(",").filter(Boolean) ?? self.groups;
  const [more, setMore] = useState(read("more") ?? "");
  const attributes = attributesOf(more);
  const [kept, setKept] = useState(attributes ?? {});
  const context = useSettled(contextOf(person, groups, kept), 150);
  const trial = useQuery({ ...tryQuery(flag.key, where, context), placeholderData: keepPreviousData });

  const put = (name: string, value: string) => set(name, value || emptied);
  function type(text: string) {
    setMore(text);
    const valid = attributesOf(text);
    if (!valid) return;
    setKept(valid);
    set("more", text.trim() || null);
  }
  return (
    <Panel title={words.title} id="try">
      <p className={classes.lead}>{words.words}</p>
      <div className={classes.inputs}>
        <TextInput
          label={words.person}
          description={words.personHelp}
          value={person}
          onChange={(event) => put("who", event.currentTarget.value)}
          spellCheck={false}
        />
        <TagsInput
          label={words.groups}
          description={words.groupsHint}
          value={groups}
          onChange={(next) => put("groups", next.join(","))}
        />
        <Select
          label={words.environment}
          data={known.map((one) => one.name)}
          value={where}
          onChange={(value) => set("in", value)}
          allowDeselect={false}
        />
        <Textarea
          className={classes.wide}
          label={words.more}
          description={words.moreHelp}
          autosize
          minRows={1}
          maxRows={12}
          value={more}
          onChange={(event) => type(event.currentTarget.value)}
          error={attributes ? undefined : words.broken}
          spellCheck={false}
        />
      </div>
      {trial.error && <Notice problem={trial.error} retry={trial.refetch} />}
      {trial.data && (
        <div className={classes.answer} aria-live="polite">
          <TrialAnswer trial={trial.data} person={person} />
        </div>
      )}
    </Panel>
  );
}
