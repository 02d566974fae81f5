import { ActionIcon, Button, NativeSelect, Radio, TagsInput, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Finding, Segment } from "../api/types";
import { m } from "../messages";
import { arity, emptyRule, operators, type Rule, withOperator, wrongRule } from "../model/segment";
import { errorsOf } from "../pieces/Findings";
import classes from "./Admin.module.css";

interface Props {
  rules: Segment["rules"];
  match: Segment["match"];
  set: (rules: Segment["rules"], match: Segment["match"]) => void;
  findings: Map<string, Finding[]>;
  /** Whether to tell what is not filled in yet. */
  asked: boolean;
}

/** The rules of an audience as rows: an attribute, a comparison, values. */
export function SegmentRules({ rules, match, set, findings, asked }: Props) {
  const words = m.admin.segments;
  const put = (at: number, rule: Rule) =>
    set(
      rules.map((one, i) => (i === at ? rule : one)),
      match,
    );
  return (
    <fieldset className={classes.part}>
      <legend>{words.rules}</legend>
      <p className={classes.quiet}>{words.rulesHint}</p>
      {rules.length > 1 && (
        <Radio.Group
          label={words.match}
          value={match || "all"}
          onChange={(next) => set(rules, next === "any" ? "any" : "all")}
        >
          <div className={classes.row} style={{ marginTop: 8, gap: 24 }}>
            <Radio value="all" label={words.matchAll} />
            <Radio value="any" label={words.matchAny} />
          </div>
        </Radio.Group>
      )}
      {rules.map((rule, i) => (
        <RuleRow
          key={i}
          at={i}
          rule={rule}
          put={(next) => put(i, next)}
          drop={() =>
            set(
              rules.filter((_, n) => n !== i),
              match,
            )
          }
          findings={findings}
          asked={asked}
        />
      ))}
      <div>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => set([...rules, emptyRule()], match || "all")}
        >
          {words.addRule}
        </Button>
      </div>
    </fieldset>
  );
}

interface RowProps {
  at: number;
  rule: Rule;
  put: (rule: Rule) => void;
  drop: () => void;
  findings: Map<string, Finding[]>;
  asked: boolean;
}

function RuleRow({ at, rule, put, drop, findings, asked }: RowProps) {
  const words = m.admin.segments;
  const kind = arity(rule.operator);
  const wrong = asked ? wrongRule(rule) : undefined;
  const told = (part: string) => errorsOf({ findings: findings.get(`rules[${at}].${part}`) });
  const valueError = wrong === "value" || wrong === "number" ? words.wrong[wrong] : told("values");
  return (
    <div className={classes.rule}>
      <TextInput
        label={words.attribute}
        value={rule.attribute}
        onChange={(event) => put({ ...rule, attribute: event.currentTarget.value.trim() })}
        error={wrong === "attribute" || wrong === "shape" ? words.wrong[wrong] : told("attribute")}
      />
      <NativeSelect
        label={words.operator}
        data={operators.map((value) => ({ value, label: words.operators[value] ?? value }))}
        value={rule.operator}
        onChange={(event) => {
          const next = operators.find((one) => one === event.currentTarget.value);
          if (next) put(withOperator(rule, next));
        }}
      />
      <div className={classes.ruleValues}>
        {kind === "some" && (
          <TagsInput
            label={words.values}
            placeholder={words.valuesHint}
            value={rule.values}
            onChange={(values) => put({ ...rule, values })}
            error={valueError}
          />
        )}
        {(kind === "one" || kind === "number") && (
          <TextInput
            label={words.values}
            inputMode={kind === "number" ? "decimal" : undefined}
            value={rule.values[0] ?? ""}
            onChange={(event) => put({ ...rule, values: [event.currentTarget.value] })}
            error={valueError}
          />
        )}
      </div>
      <ActionIcon variant="subtle" size="lg" aria-label={words.dropRule(at + 1)} onClick={drop}>
        <IconTrash size={16} aria-hidden />
      </ActionIcon>
    </div>
  );
}
