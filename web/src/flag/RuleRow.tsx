import { ActionIcon, Button, Select } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from "@tabler/icons-react";
import type { Segment } from "../api/types";
import { m } from "../messages";
import type { Rule, Test } from "../model/rule";
import classes from "./RulesEditor.module.css";
import { ServeInput } from "./ServeInput";
import { TestInput } from "./TestInput";

interface Props {
  rule: Rule;
  number: number;
  last: boolean;
  variants: string[];
  standard: string;
  segments: Segment[];
  told: boolean;
  set: (rule: Rule) => void;
  remove: () => void;
  move: (by: 1 | -1) => void;
}

/** One rule: its conditions, and what those get for whom they hold. */
export function RuleRow({
  rule,
  number,
  last,
  variants,
  standard,
  segments,
  told,
  set,
  remove,
  move,
}: Props) {
  const words = m.change.rules;
  const put = (tests: Test[]) => set({ ...rule, tests });
  return (
    <li className={classes.rule}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot lay out its legend beside buttons */}
      <div role="group" aria-label={words.rule(number)}>
        <div className={classes.ruleHead}>
          <span className={classes.number}>{words.rule(number)}</span>
          <span className={classes.tools}>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={words.up(number)}
              disabled={number === 1}
              onClick={() => move(-1)}
            >
              <IconArrowUp size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={words.down(number)}
              disabled={last}
              onClick={() => move(1)}
            >
              <IconArrowDown size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon variant="subtle" color="gray" aria-label={words.remove(number)} onClick={remove}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </span>
        </div>
        <div className={classes.if}>
          <span>{words.if}</span>
          {rule.tests.length > 1 && (
            <Select
              size="xs"
              w={170}
              aria-label={words.match}
              data={[
                { value: "all", label: words.all },
                { value: "any", label: words.any },
              ]}
              value={rule.match}
              onChange={(value) => set({ ...rule, match: value === "any" ? "any" : "all" })}
            />
          )}
        </div>
        <ul className={classes.tests}>
          {rule.tests.map((test, i) => (
            <li key={i} className={classes.test}>
              <TestInput
                test={test}
                segments={segments}
                told={told}
                set={(next) => put(rule.tests.map((one, j) => (j === i ? next : one)))}
              />
              {rule.tests.length > 1 && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={words.removeTest(i + 1)}
                  onClick={() => put(rule.tests.filter((_, j) => j !== i))}
                >
                  <IconTrash size={16} aria-hidden />
                </ActionIcon>
              )}
            </li>
          ))}
        </ul>
        <div className={classes.add}>
          <Button
            size="compact-xs"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            aria-label={words.addTestTo(number)}
            onClick={() =>
              put([...rule.tests, { kind: "attribute", attribute: "", operator: "is", values: [""] }])
            }
          >
            {words.addTest}
          </Button>
          <Button
            size="compact-xs"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            aria-label={words.addAudienceTo(number)}
            onClick={() => put([...rule.tests, { kind: "audience", audience: "", not: false }])}
          >
            {words.addAudience}
          </Button>
        </div>
        <div className={classes.serve}>
          <span aria-hidden>{words.serve}</span>
          <ServeInput
            label={words.serves(number)}
            serve={rule.serve}
            variants={variants}
            standard={standard}
            told={told}
            set={(serve) => set({ ...rule, serve })}
          />
        </div>
      </div>
    </li>
  );
}
