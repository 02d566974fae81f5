import { Radio, Stack, Textarea } from "@mantine/core";
import type { AppData, Finding, Patch } from "../api/types";
import type { Act } from "../form/draft";
import input from "../form/FieldInput.module.css";
import { m } from "../messages";
import { errorsOf, Warnings } from "../pieces/Findings";

interface Props {
  data: AppData;
  act: (act: Act) => void;
  shown: Map<string, Finding[]>;
}

/** What data the app shows, and what for. */
export function DataInput({ data, act, shown }: Props) {
  const words = m.publish.data;
  const fix = (patch: Patch[]) => act({ do: "patch", patch });
  const field = (name: keyof AppData) => {
    const path = `app.data.${name}`;
    return {
      common: {
        id: path,
        error: errorsOf({ findings: shown.get(path), fix }),
        onBlur: () => act({ do: "touch", path }),
      },
      below: <Warnings findings={shown.get(path)} fix={fix} />,
    };
  };
  const classification = field("classification");
  const why = field("why");
  return (
    <>
      <div>
        <Radio.Group
          {...classification.common}
          label={words.title}
          description={words.help}
          value={data.classification ?? null}
          onChange={(value) => act({ do: "data", name: "classification", value })}
        >
          <Stack gap={8} mt={8} mb={4}>
            {Object.entries(words.classifications).map(([value, label]) => (
              <Radio
                key={value}
                value={value}
                label={label}
                classNames={{
                  root: input.choice,
                  body: input.choiceBody,
                  inner: input.choiceInner,
                  labelWrapper: input.choiceLabel,
                }}
              />
            ))}
          </Stack>
        </Radio.Group>
        {classification.below}
      </div>
      {(data.why || (data.classification && data.classification !== "none")) && (
        <div>
          <Textarea
            {...why.common}
            label={words.why}
            description={words.whyHelp}
            autosize
            minRows={2}
            value={data.why ?? ""}
            onChange={(event) => act({ do: "data", name: "why", value: event.currentTarget.value })}
          />
          {why.below}
        </div>
      )}
    </>
  );
}
