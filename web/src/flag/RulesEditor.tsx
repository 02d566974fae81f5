import { Button, JsonInput, SegmentedControl } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import type { Segment } from "../api/types";
import { m } from "../messages";
import { type Rule, type Rules, readTargeting, writeTargeting } from "../model/rule";
import { RuleRow } from "./RuleRow";
import classes from "./RulesEditor.module.css";
import { ServeInput } from "./ServeInput";

interface Props {
  rules: Rules;
  variants: string[];
  /** The variant of those whom no rule names. */
  standard: string;
  segments: Segment[];
  /** Whether to say what is not filled in. */
  told: boolean;
  set: (rules: Rules) => void;
}

const indented = (rules: Rules) => JSON.stringify(writeTargeting(rules), null, 2) ?? "";

/** Rules as rows in plain words, or as the JSON that they stand for. Both edit the same. */
export function RulesEditor(props: Props) {
  const { rules, set } = props;
  const [text, setText] = useState<string | null>(null);
  const [broken, setBroken] = useState("");
  const words = m.change.rules;
  function write(next: string) {
    setText(next);
    try {
      set(readTargeting(next.trim() ? JSON.parse(next) : undefined));
      setBroken("");
    } catch (error) {
      setBroken(error instanceof Error ? error.message : String(error));
    }
  }
  return (
    <div className={classes.editor}>
      <div className={classes.head}>
        <span className={classes.order}>{words.order}</span>
        <SegmentedControl
          size="xs"
          aria-label={words.show}
          value={text === null ? "rows" : "json"}
          onChange={(value) => {
            if (value === "json") setText(indented(rules));
            else if (!broken) setText(null);
          }}
          data={[
            { value: "rows", label: words.rows, disabled: Boolean(broken) },
            { value: "json", label: words.json },
          ]}
        />
      </div>
      {text === null ? (
        <Rows {...props} />
      ) : (
        <JsonInput
          label={words.targeting}
          description={words.targetingHelp}
          classNames={{ input: classes.json }}
          autosize
          minRows={6}
          maxRows={24}
          spellCheck={false}
          value={text}
          onChange={write}
          error={broken && `${words.broken(broken)} ${words.cannotSwitch}`}
        />
      )}
    </div>
  );
}

function Rows({ rules: all, variants, standard, segments, told, set }: Props) {
  const { rules, otherwise } = all;
  const words = m.change.rules;
  const put = (next: Rule[]) => set({ ...all, rules: next });
  function move(from: number, to: number) {
    const next = [...rules];
    const [rule] = next.splice(from, 1);
    if (rule) next.splice(to, 0, rule);
    put(next);
  }
  function add() {
    const other = variants.find((name) => name !== standard) ?? standard;
    put([
      ...rules,
      {
        match: "all",
        tests: [{ kind: "attribute", attribute: "email", operator: "ends_with", values: [""] }],
        serve: { kind: "variant", variant: other },
      },
    ]);
  }
  return (
    <>
      {rules.length === 0 && <p className={classes.none}>{words.none}</p>}
      <ol className={classes.rules}>
        {rules.map((rule, i) => (
          <RuleRow
            key={i}
            rule={rule}
            number={i + 1}
            last={i === rules.length - 1}
            variants={variants}
            standard={standard}
            segments={segments}
            told={told}
            set={(next) => put(rules.map((one, j) => (j === i ? next : one)))}
            remove={() => put(rules.filter((_, j) => j !== i))}
            move={(by) => move(i, i + by)}
          />
        ))}
      </ol>
      <div>
        <Button variant="default" size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={add}>
          {words.add}
        </Button>
      </div>
      <div className={classes.otherwise}>
        <span aria-hidden>{words.otherwise}</span>
        <ServeInput
          label={words.otherwise}
          serve={otherwise}
          variants={variants}
          standard={standard}
          told={told}
          set={(next) => set({ ...all, otherwise: next })}
        />
      </div>
    </>
  );
}
