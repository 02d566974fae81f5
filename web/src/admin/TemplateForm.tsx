import { Button, TagsInput, Textarea, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import type { TemplateDocument } from "../api/types";
import { m } from "../messages";
import { type Edit, fieldList } from "../model/document";
import { Pair } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import classes from "./Admin.module.css";
import { QuestionEditor } from "./QuestionEditor";

interface Props {
  document: TemplateDocument;
  /** Whether it is new, so that its short name can still be chosen. */
  fresh: boolean;
  act: (edit: Edit) => void;
}

const checks = ["audit_fields_present", "dependency_check", "security_scan", "data_access"];

/** A template as a form; what the form does not know stays in the JSON. */
export function TemplateForm({ document, fresh, act }: Props) {
  const words = m.recipes.templates;
  return (
    <>
      <Panel>
        <div className={classes.stack} style={{ gap: 20 }}>
          <Pair>
            <TextInput
              label={words.displayName}
              value={document.displayName ?? ""}
              onChange={(event) => act({ do: "set", name: "displayName", value: event.currentTarget.value })}
            />
            {fresh && (
              <TextInput
                label={words.id}
                description={words.idHint}
                value={document.templateId ?? ""}
                onChange={(event) =>
                  act({ do: "set", name: "templateId", value: event.currentTarget.value.trim() })
                }
              />
            )}
          </Pair>
          <Textarea
            label={words.description}
            description={words.descriptionHint}
            autosize
            minRows={2}
            value={document.description ?? ""}
            onChange={(event) => act({ do: "set", name: "description", value: event.currentTarget.value })}
          />
          <TagsInput
            label={words.requiredChecks}
            data={checks}
            value={Array.isArray(document.requiredChecks) ? document.requiredChecks : []}
            onChange={(value) => act({ do: "checks", value })}
          />
        </div>
      </Panel>
      <Panel
        title={words.questions}
        aside={
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => act({ do: "add", name: "question", type: "string" })}
          >
            {words.addQuestion}
          </Button>
        }
      >
        {fieldList(document).map(([name, field], i) => (
          <QuestionEditor key={i} name={name} field={field} act={act} />
        ))}
        <p className={classes.quiet} style={{ marginTop: 16 }}>
          {words.moreInJson}
        </p>
      </Panel>
    </>
  );
}
