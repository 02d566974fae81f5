import { Autocomplete, Select, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Segment } from "../api/types";
import { m } from "../messages";
import { type Operator, operators, type Test, takes } from "../model/rule";
import { scalarOf, typedOf } from "../model/scalar";
import classes from "./RulesEditor.module.css";

interface Props {
  test: Test;
  segments: Segment[];
  told: boolean;
  set: (test: Test) => void;
}

/** One condition: an attribute compared with something, an audience, or JSON that is kept. */
export function TestInput({ test, segments, told, set }: Props) {
  const words = m.change.rules;
  switch (test.kind) {
    case "json":
      return (
        <div className={classes.kept}>
          <code>{JSON.stringify(test.json)}</code>
          <span>{words.kept}</span>
        </div>
      );
    case "audience":
      return (
        <>
          <Select
            size="xs"
            className={classes.operator}
            aria-label={words.operator}
            data={[
              { value: "in", label: words.isIn },
              { value: "out", label: words.isNotIn },
            ]}
            value={test.not ? "out" : "in"}
            onChange={(value) => set({ kind: "audience", audience: test.audience, not: value === "out" })}
          />
          <Select
            size="xs"
            className={classes.value}
            aria-label={words.audience}
            placeholder={m.publish.options.choose}
            data={audiences(segments, test.audience)}
            value={test.audience || null}
            onChange={(value) => set({ kind: "audience", audience: value ?? "", not: test.not })}
            error={told && !test.audience && m.change.gaps.audience}
            searchable
          />
        </>
      );
    case "attribute":
      return <Attribute test={test} told={told} set={set} />;
  }
}

function audiences(segments: Segment[], chosen: string) {
  const known = segments.map((one) => ({ value: one.name, label: one.title || one.name }));
  return chosen && !known.some((one) => one.value === chosen)
    ? [...known, { value: chosen, label: chosen }]
    : known;
}

type OfAttribute = Extract<Test, { kind: "attribute" }>;

function Attribute({ test, told, set }: { test: OfAttribute; told: boolean; set: Props["set"] }) {
  const words = m.change.rules;
  const { attribute, operator, values } = test;
  const put = (change: Partial<OfAttribute>) =>
    set({ kind: "attribute", attribute, operator, values, ...change });
  function choose(next: string | null) {
    const chosen = operators.find((one) => one === next) ?? operator;
    const count = takes(chosen);
    const first = values[0] ?? "";
    put({ operator: chosen, values: count === "none" ? [] : count === "one" ? [first] : filled(values) });
  }
  const empty = takes(operator) !== "none" && values.every((value) => value === "");
  return (
    <>
      <Autocomplete
        size="xs"
        className={classes.attribute}
        aria-label={words.attribute}
        placeholder={words.attributeHint}
        data={m.change.attributes}
        value={attribute}
        onChange={(next) => put({ attribute: next.trim() })}
        error={told && !attribute && m.change.gaps.attribute}
      />
      <Select
        size="xs"
        className={classes.operator}
        aria-label={words.operator}
        data={operators.map((value: Operator) => ({ value, label: m.change.operators[value] }))}
        value={operator}
        onChange={choose}
      />
      {takes(operator) === "one" && (
        <One
          value={values[0] ?? ""}
          set={(value) => put({ values: [value] })}
          error={told && empty && m.change.gaps.value}
        />
      )}
      {takes(operator) === "many" && (
        <TagsInput
          size="xs"
          className={classes.value}
          aria-label={words.value}
          placeholder={values.length === 0 ? words.valueHint : undefined}
          value={filled(values).map(typedOf)}
          onChange={(next) => put({ values: next.map(scalarOf) })}
          error={told && empty && m.change.gaps.value}
        />
      )}
    </>
  );
}

const filled = (values: OfAttribute["values"]) => values.filter((value) => value !== "");

/** A single value. What is typed stays as it was typed, whatever it is read as. */
function One({
  value,
  set,
  error,
}: {
  value: OfAttribute["values"][number];
  set: (value: OfAttribute["values"][number]) => void;
  error: React.ReactNode;
}) {
  const [typed, setTyped] = useState(typedOf(value));
  if (scalarOf(typed) !== value) setTyped(typedOf(value));
  return (
    <TextInput
      size="xs"
      className={classes.value}
      aria-label={m.change.rules.value}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        set(scalarOf(event.currentTarget.value));
      }}
      error={error}
    />
  );
}
