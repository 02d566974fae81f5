import {
  Autocomplete,
  MultiSelect,
  NumberInput,
  Radio,
  Select,
  Stack,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Finding, Patch } from "../api/types";
import { m } from "../messages";
import type { FormField } from "../model/form";
import { errorsOf, Warnings } from "../pieces/Findings";
import classes from "./FieldInput.module.css";
import { type Choice, useChoices } from "./useChoices";

interface Props {
  field: FormField;
  value: unknown;
  findings: Finding[] | undefined;
  set: (value: unknown) => void;
  touch: () => void;
  fix: (patch: Patch[]) => void;
}

/** One field of a template's form: the input that its type asks for, with its findings. */
export function FieldInput({ field, value, findings, set, touch, fix }: Props) {
  const [typed, setTyped] = useState("");
  const choices = useChoices(field, typeof value === "string" ? value : typed);
  const common = {
    id: `fields.${field.name}`,
    label: field.label,
    description: field.help || undefined,
    withAsterisk: field.required,
    error: errorsOf({ findings, fix }),
    onBlur: touch,
  };
  return (
    <div>
      {inputOf({ field, value, set, choices, common, search: setTyped })}
      <Warnings findings={findings} fix={fix} />
    </div>
  );
}

interface Input {
  field: FormField;
  value: unknown;
  set: (value: unknown) => void;
  choices: Choice[];
  /** Told what is searched for among choices that are too many to list. */
  search: (typed: string) => void;
  common: {
    id: string;
    label: string;
    description?: string;
    withAsterisk: boolean;
    error: ReactNode;
    onBlur: () => void;
  };
}

function inputOf(input: Input): ReactNode {
  const { field, value, set, choices, common } = input;
  const text = typeof value === "string" ? value : "";
  const write = (next: string | null) => set(next || undefined);
  switch (field.type) {
    case "boolean":
      return <BooleanInput {...input} />;
    case "integer":
    case "number":
    case "percentage":
      return <Numeric {...input} />;
    case "enum":
    case "segment":
      return choices.length <= 5 ? (
        <Choices {...input} />
      ) : (
        <Select
          {...common}
          data={choices}
          value={text || null}
          onChange={write}
          searchable
          placeholder={m.publish.options.choose}
        />
      );
    case "team":
      return (
        <Select
          {...common}
          data={choices}
          value={text || null}
          onChange={write}
          searchable
          placeholder={m.publish.options.choose}
        />
      );
    case "user":
      return (
        <Autocomplete
          {...common}
          data={choices.map((c) => c.value)}
          value={text}
          onChange={write}
          limit={8}
        />
      );
    case "list":
      return <ListInput {...input} />;
    case "text":
      return (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={8}
          value={text}
          onChange={(e) => write(e.currentTarget.value)}
        />
      );
    case "string":
    case "semver":
      return <TextInput {...common} value={text} onChange={(e) => write(e.currentTarget.value)} />;
    case "email":
    case "url":
    case "date":
      return (
        <TextInput
          {...common}
          type={field.type}
          value={text}
          onChange={(e) => write(e.currentTarget.value)}
        />
      );
  }
}

function BooleanInput({ value, set, common }: Input) {
  const { withAsterisk: _, ...rest } = common;
  return <Switch {...rest} checked={value === true} onChange={(e) => set(e.currentTarget.checked)} />;
}

function Numeric({ field, value, set, common }: Input) {
  const days = field.name.endsWith("_days") ? ` ${m.publish.options.day(Number(value))}` : "";
  return (
    <NumberInput
      {...common}
      classNames={{ wrapper: classes.narrow }}
      value={typeof value === "number" || typeof value === "string" ? value : ""}
      onChange={(next) => set(next === "" ? undefined : next)}
      allowDecimal={field.type !== "integer"}
      suffix={field.type === "percentage" ? " %" : days}
      clampBehavior="none"
      inputMode={field.type === "integer" ? "numeric" : "decimal"}
    />
  );
}

function Choices({ value, set, choices, common: { id, onBlur, ...rest } }: Input) {
  return (
    <Radio.Group
      {...rest}
      id={id}
      value={typeof value === "string" ? value : null}
      onChange={set}
      onBlur={onBlur}
    >
      <Stack gap={8} mt={8} mb={4}>
        {choices.map((choice) => (
          <Radio
            key={choice.value}
            value={choice.value}
            label={choice.label}
            description={choice.words}
            classNames={{
              root: classes.choice,
              body: classes.choiceBody,
              inner: classes.choiceInner,
              labelWrapper: classes.choiceLabel,
            }}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}

function ListInput({ field, value, set, choices, common, search }: Input) {
  const values = Array.isArray(value) ? value.map(String) : [];
  const write = (next: string[]) => set(next.length > 0 ? typed(next, field.items?.type) : undefined);
  if (field.items?.type === "user" || choices.length === 0) {
    return (
      <TagsInput
        {...common}
        data={choices.map((choice) => choice.value)}
        value={values}
        onChange={write}
        onSearchChange={search}
        placeholder={m.publish.options.addToList}
      />
    );
  }
  const known = new Set(choices.map((choice) => choice.value));
  const gone = values.filter((one) => !known.has(one)).map((one) => ({ value: one, label: one }));
  return <MultiSelect {...common} data={[...choices, ...gone]} value={values} onChange={write} searchable />;
}

/** What was typed as tags, as numbers where the list is of numbers; what is none stays for the check to tell. */
function typed(values: string[], type: FormField["type"] | undefined): unknown[] {
  const numeric = type === "integer" || type === "number" || type === "percentage";
  return numeric
    ? values.map((v) => (v.trim() !== "" && Number.isFinite(Number(v)) ? Number(v) : v))
    : values;
}
