import { Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { flagQuery } from "../api/calls";
import type { Content, Lifecycle } from "../api/types";
import { AskForm } from "../form/AskForm";
import type { FormProps } from "../form/form";
import { m } from "../messages";
import { day } from "../model/time";
import { Field } from "../pieces/Field";
import { Panel } from "../pieces/Page";
import classes from "./LifeForm.module.css";

export type LifeKind = "extend_ttl" | "deprecate" | "remove";

const dayLength = 86_400_000;

/** The day to propose: as long again as it was given, from the day that its time is up or from today. */
export function nextDay(lifecycle: Lifecycle, now: Date): string {
  const from = Math.max(now.getTime(), lifecycle.expires_at ? new Date(lifecycle.expires_at).getTime() : 0);
  return new Date(from + lifecycle.ttl_days * dayLength).toISOString().slice(0, 10);
}

/** What a form of this kind starts with. */
export function lifeContent(kind: LifeKind, flag: { key: string; lifecycle: Lifecycle }, now: Date): Content {
  const plan = flag.lifecycle.removal_plan;
  switch (kind) {
    case "extend_ttl":
      return { kind, flag_key: flag.key, until: nextDay(flag.lifecycle, now) };
    case "deprecate":
    case "remove":
      return plan ? { kind, flag_key: flag.key, removal_plan: plan } : { kind, flag_key: flag.key };
  }
}

/** Extend, deprecate or remove an app switch: what it asks, what it does, and what stands in the way. */
export function LifeForm(props: FormProps) {
  const { content, act } = props;
  const kind = content.kind as LifeKind;
  const lifecycle = useQuery(flagQuery(content.flag_key ?? "")).data?.lifecycle;
  const words = m.life;
  return (
    <AskForm {...props} fields={[kind === "extend_ttl" ? "until" : "removal_plan"]}>
      {(shown, fix) => (
        <Panel title={words.title[kind]}>
          <div className={classes.fields}>
            <p className={classes.words}>{words.words[kind]}</p>
            {kind === "extend_ttl" ? (
              <Field
                name="until"
                label={words.until}
                help={lifecycle?.expires_at && words.now(day(new Date(lifecycle.expires_at)))}
                required
                findings={shown}
                fix={fix}
              >
                {(common) => (
                  <TextInput
                    {...common}
                    type="date"
                    classNames={{ wrapper: classes.date }}
                    value={(content.until ?? "").slice(0, 10)}
                    onChange={(event) => act({ do: "text", name: "until", value: event.currentTarget.value })}
                  />
                )}
              </Field>
            ) : (
              <Field
                name="removal_plan"
                label={words.plan}
                help={words.planHelp}
                required={kind === "remove"}
                findings={shown}
                fix={fix}
              >
                {(common) => (
                  <Textarea
                    {...common}
                    autosize
                    minRows={2}
                    value={content.removal_plan ?? ""}
                    onChange={(event) =>
                      act({ do: "text", name: "removal_plan", value: event.currentTarget.value })
                    }
                  />
                )}
              </Field>
            )}
          </div>
        </Panel>
      )}
    </AskForm>
  );
}
