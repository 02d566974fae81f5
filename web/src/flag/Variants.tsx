import { ActionIcon, Button, NativeSelect, Select, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Finding, Flag } from "../api/types";
import { m } from "../messages";
import { type Plan, parsedAs, typedValue, type ValueType, type Variant, valueTypeOf } from "../model/change";
import { errorsOf } from "../pieces/Findings";
import { Panel } from "../pieces/Page";
import classes from "./ChangeForm.module.css";

interface Props {
  flag: Flag;
  plan: Plan;
  edit: (plan: Plan) => void;
  findings: Finding[] | undefined;
}

const blank: Record<ValueType, string> = { boolean: "false", string: "", number: "0", object: "{}" };

/** The values that an app can be told, and which of them people get whom no rule names. Folded until one asks for it. */
export function Variants({ flag, plan, edit, findings }: Props) {
  const words = m.change;
  const { variants } = plan;
  const needed = new Set([flag.on, flag.off, flag.outside]);
  const known = new Set(Object.keys(flag.variants));
  const [open] = useState(() => plan.mode === "custom" || variants.some((one) => !known.has(one.name)));
  const put = (next: Variant[]) => edit({ ...plan, variants: next });
  const change = (i: number, part: Partial<Variant>) =>
    put(variants.map((one, j) => (i === j ? { ...one, ...part } : one)));
  return (
    <Panel>
      <details open={open}>
        <summary className={classes.summary}>
          {words.values} <span className={classes.hint}>{words.valuesWords}</span>
        </summary>
        <ul className={classes.variants}>
          {variants.map((variant, i) => (
            <li key={i} className={classes.variant}>
              <TextInput
                size="xs"
                className={classes.variantName}
                aria-label={words.nameOf(variant.name)}
                placeholder={words.valueName}
                value={variant.name}
                readOnly={needed.has(variant.name) && known.has(variant.name)}
                onChange={(event) => change(i, { name: event.currentTarget.value })}
              />
              <Value type={valueTypeOf(flag)} variant={variant} set={(typed) => change(i, { typed })} />
              {needed.has(variant.name) ? (
                <span className={classes.hint}>{words.keeps}</span>
              ) : (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={words.removeValue(variant.name)}
                  onClick={() => put(variants.filter((_, j) => j !== i))}
                >
                  <IconTrash size={16} aria-hidden />
                </ActionIcon>
              )}
            </li>
          ))}
        </ul>
        {errorsOf({ findings })}
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => put([...variants, { name: "", typed: blank[valueTypeOf(flag)] }])}
        >
          {words.addValue}
        </Button>
        {plan.mode === "custom" && (
          <Select
            className={classes.standard}
            label={words.standard}
            data={[...new Set(variants.map((one) => one.name).filter(Boolean))]}
            value={plan.defaultVariant}
            onChange={(next) => edit({ ...plan, defaultVariant: next ?? plan.defaultVariant })}
          />
        )}
      </details>
    </Panel>
  );
}

interface ValueProps {
  type: ValueType;
  variant: Variant;
  set: (typed: string) => void;
}

function Value({ type, variant, set }: ValueProps) {
  const words = m.change;
  const common = {
    size: "xs" as const,
    className: classes.variantValue,
    "aria-label": words.valueOf(variant.name),
  };
  const wrong = parsedAs(variant.typed, type) === undefined;
  const error = wrong && words.planGap({ what: "value", variant: variant.name });
  switch (type) {
    case "boolean":
      return (
        <NativeSelect
          {...common}
          data={[
            { value: typedValue(true), label: words.yes },
            { value: typedValue(false), label: words.no },
          ]}
          value={variant.typed}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "object":
      return (
        <Textarea
          {...common}
          autosize
          maxRows={12}
          value={variant.typed}
          onChange={(event) => set(event.currentTarget.value)}
          error={error}
        />
      );
    case "number":
    case "string":
      return (
        <TextInput
          {...common}
          value={variant.typed}
          onChange={(event) => set(event.currentTarget.value)}
          error={error}
        />
      );
  }
}
