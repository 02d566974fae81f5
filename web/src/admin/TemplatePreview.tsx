import type { Schema } from "@cfworker/json-schema";
import { useMemo, useState } from "react";
import { FieldInput } from "../form/FieldInput";
import { m } from "../messages";
import { byField, patched } from "../model/findings";
import { fieldsOf, isVisible, type Values } from "../model/form";
import { bakeSeconds } from "../model/plan";
import { Panel } from "../pieces/Page";
import classes from "./Admin.module.css";
import type { TemplateCheck } from "./types";

interface Props {
  checked: TemplateCheck | undefined;
  values: Values;
  set: (values: Values) => void;
}

/** The publisher's form as a template makes it, alive: it judges what one types, and saves nothing. */
export function TemplatePreview({ checked, values, set }: Props) {
  const words = m.recipes.templates;
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const schema = checked?.schema as Schema | undefined;
  const fields = useMemo(() => (schema && typeof schema === "object" ? fieldsOf(schema) : []), [schema]);
  const verdict = byField(checked?.verdict ?? []);
  const shown = { ...(checked?.fields as Values | undefined), ...values };
  return (
    <Panel title={words.preview}>
      <p className={classes.quiet} style={{ marginBottom: 16 }}>
        {fields.length > 0 ? words.previewWords : words.previewBroken}
      </p>
      <div className={classes.stack} style={{ gap: 20 }}>
        {fields
          .filter((field) => isVisible(field, shown))
          .map((field) => (
            <FieldInput
              key={`${field.name} ${field.type}`}
              field={field}
              value={shown[field.name]}
              findings={touched.has(field.name) ? verdict.get(`fields.${field.name}`) : undefined}
              set={(value) => {
                set({ ...values, [field.name]: value });
                setTouched(new Set([...touched, field.name]));
              }}
              touch={() => setTouched(new Set([...touched, field.name]))}
              fix={(patch) => set(patched({ fields: shown }, patch).fields)}
            />
          ))}
        {checked && checked.plan.length > 0 && (
          <div>
            <p style={{ margin: "0 0 8px", fontWeight: 560 }}>{words.plan}</p>
            <ol style={{ margin: 0, paddingLeft: 20 }}>
              {checked.plan.map((step, i) => (
                <li key={i}>
                  {m.flag.step.share(step.percent, step.audience ?? "")} {m.flag.step.where(step.environment)}
                  <span className={classes.quiet} style={{ display: "block" }}>
                    {m.flag.step.after(
                      bakeSeconds(step.bake ?? ""),
                      step.promote === "person" ? "person" : "time",
                    )}
                  </span>
                </li>
              ))}
            </ol>
          </div>
        )}
      </div>
    </Panel>
  );
}
