import { ActionIcon, NativeSelect, NumberInput, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { TemplateField } from "../api/types";
import { m } from "../messages";
import type { Edit } from "../model/document";
import { Pair } from "../pieces/Form";
import classes from "./Admin.module.css";
import editor from "./Editor.module.css";

interface Props {
  name: string;
  field: TemplateField;
  act: (edit: Edit) => void;
}

const numeric = new Set(["integer", "number", "percentage"]);
const limited = new Set(["string", "text", "integer", "number", "percentage", "list"]);

/** One question of a template, folded away until it is edited. */
export function QuestionEditor({ name, field, act }: Props) {
  const words = m.recipes.templates;
  const label = field.title || name;
  const part = (key: keyof TemplateField, value: unknown) => act({ do: "field", name, part: key, value });
  const types = Object.entries(words.types).map(([value, text]) => ({ value, label: text }));
  return (
    <details className={editor.question}>
      <summary>
        <b>{label}</b>
        <span>
          {words.types[field.type] ?? field.type}
          {field.required && ` · ${words.required.toLowerCase()}`}
        </span>
      </summary>
      <div className={editor.questionBody}>
        <TextInput
          label={words.label}
          value={field.title ?? ""}
          onChange={(event) => part("title", event.currentTarget.value)}
        />
        <Textarea
          label={words.help}
          autosize
          value={field.help ?? ""}
          onChange={(event) => part("help", event.currentTarget.value)}
        />
        <Pair>
          <NativeSelect
            label={words.type}
            data={types}
            value={field.type}
            onChange={(event) => part("type", event.currentTarget.value)}
          />
          {field.type === "list" && (
            <NativeSelect
              label={words.items}
              data={types.filter(({ value }) => value !== "list")}
              value={field.items ?? "string"}
              onChange={(event) => part("items", event.currentTarget.value)}
            />
          )}
          <FieldName key={name} name={name} act={act} />
        </Pair>
        {(field.type === "enum" || field.type === "list") && (
          <TagsInput
            label={words.values}
            value={field.values ?? []}
            onChange={(values) => part("values", values.length > 0 ? values : undefined)}
          />
        )}
        <Initial field={field} part={part} />
        {limited.has(field.type) && (
          <Pair>
            <NumberInput
              label={words.min}
              value={field.min ?? ""}
              onChange={(next) => part("min", next === "" ? undefined : Number(next))}
            />
            <NumberInput
              label={words.max}
              value={field.max ?? ""}
              onChange={(next) => part("max", next === "" ? undefined : Number(next))}
            />
          </Pair>
        )}
        <div className={classes.row} style={{ justifyContent: "space-between" }}>
          <Switch
            label={words.required}
            checked={field.required ?? false}
            onChange={(event) => part("required", event.currentTarget.checked)}
          />
          <span className={classes.row}>
            <ActionIcon
              variant="default"
              aria-label={words.up(label)}
              onClick={() => act({ do: "move", name, by: -1 })}
            >
              <IconArrowUp size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label={words.down(label)}
              onClick={() => act({ do: "move", name, by: 1 })}
            >
              <IconArrowDown size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label={words.drop(label)}
              onClick={() => act({ do: "drop", name })}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </span>
        </div>
      </div>
    </details>
  );
}

// The name takes effect when one leaves it: every letter of it would make another field.
function FieldName({ name, act }: { name: string; act: Props["act"] }) {
  const [typed, setTyped] = useState(name);
  return (
    <TextInput
      label={m.recipes.templates.name}
      description={m.recipes.templates.nameHint}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value.replace(/[^a-z0-9_]/g, "_"))}
      onBlur={() => act({ do: "rename", name, to: typed })}
    />
  );
}

function Initial({
  field,
  part,
}: {
  field: TemplateField;
  part: (key: keyof TemplateField, value: unknown) => void;
}) {
  const words = m.recipes.templates;
  if (field.type === "list") return null;
  if (field.type === "boolean") {
    return (
      <Switch
        label={words.initialBoolean}
        checked={field.default === true}
        onChange={(event) => part("default", event.currentTarget.checked)}
      />
    );
  }
  if (field.type === "enum") {
    return (
      <NativeSelect
        label={words.initial}
        data={["", ...(field.values ?? [])]}
        value={typeof field.default === "string" ? field.default : ""}
        onChange={(event) => part("default", event.currentTarget.value || undefined)}
      />
    );
  }
  if (numeric.has(field.type)) {
    return (
      <NumberInput
        label={words.initial}
        value={typeof field.default === "number" ? field.default : ""}
        onChange={(next) => part("default", next === "" ? undefined : Number(next))}
      />
    );
  }
  return (
    <TextInput
      label={words.initial}
      value={typeof field.default === "string" ? field.default : ""}
      onChange={(event) => part("default", event.currentTarget.value || undefined)}
    />
  );
}
