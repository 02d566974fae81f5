import { Textarea } from "@mantine/core";
import type { Content, Finding, Patch } from "../api/types";
import type { Act } from "../form/draft";
import { FieldInput } from "../form/FieldInput";
import { m } from "../messages";
import { type FormField, isVisible } from "../model/form";
import { flagKeyOf } from "../model/slug";
import { errorsOf, Warnings } from "../pieces/Findings";
import { Loading } from "../pieces/Loading";
import { Panel } from "../pieces/Page";
import classes from "./PublishForm.module.css";

interface Props {
  content: Content;
  fields: FormField[];
  loading: boolean;
  act: (act: Act) => void;
  shown: Map<string, Finding[]>;
}

/** The third step: the questions of the template. */
export function OptionsStep({ content, fields, loading, act, shown }: Props) {
  if (loading) return <Loading panels={[480]} />;
  const values = content.fields ?? {};
  const key = flagKeyOf(content.app?.slug ?? "", String(values.name ?? ""));
  const fix = (patch: Patch[]) => act({ do: "patch", patch });
  const removal = shown.get("removal_plan");
  return (
    <Panel title={m.publish.options.title}>
      <div className={classes.fields}>
        {fields
          .filter((field) => isVisible(field, values))
          .map((field) => (
            <FieldInput
              key={field.name}
              field={field}
              value={values[field.name]}
              findings={shown.get(`fields.${field.name}`)}
              set={(value) => act({ do: "field", name: field.name, value })}
              touch={() => act({ do: "touch", path: `fields.${field.name}` })}
              fix={fix}
            />
          ))}
        {(removal || content.removal_plan || Number(values.ttl_days) > 30) && (
          <div>
            <Textarea
              id="removal_plan"
              label={m.publish.options.removal}
              description={m.publish.options.removalHelp}
              autosize
              minRows={2}
              value={content.removal_plan ?? ""}
              onChange={(event) =>
                act({ do: "text", name: "removal_plan", value: event.currentTarget.value })
              }
              error={errorsOf({ findings: removal, fix })}
            />
            <Warnings findings={removal} fix={fix} />
          </div>
        )}
        {key && (
          <div className={classes.key}>
            {m.publish.options.key} <code>{key}</code>
          </div>
        )}
      </div>
    </Panel>
  );
}
