import { NumberInput, TagsInput } from "@mantine/core";
import { queries } from "../api/queries";
import { m } from "../messages";
import { Field } from "../pieces/Field";
import { Form, SaveBar } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import classes from "./Admin.module.css";
import { lifecycleQuery, putLifecycle, type Rules } from "./calls";
import { Proposed } from "./Proposed";
import { useWrite } from "./useWrite";

/** Longest time, reminders and grace. */
export function LifecycleForm({ read }: { read: Rules }) {
  const words = m.admin.lifecycle;
  const { proposed, run } = useWrite();
  const reread = () => queries.fetchQuery({ ...lifecycleQuery, staleTime: 0 });
  const edit = useEdit({
    read,
    pick: ({ lifecycle }) => lifecycle,
    save: async (lifecycle, revision) => (await run(putLifecycle({ lifecycle, revision }))) ?? reread(),
    reread,
  });
  const { value, set, findings } = edit;
  const days = (next: string | number) => Math.round(Number(next)) || 0;
  return (
    <Panel>
      {proposed && <Proposed words={proposed} />}
      <Form label={words.title} submit={edit.save}>
        <div className={classes.fields}>
          <Field
            name="lifecycle.max_active_days"
            label={words.most}
            help={words.mostHint}
            findings={findings}
          >
            {(common) => (
              <NumberInput
                {...common}
                maw={220}
                suffix={` ${words.days}`}
                value={value.max_active_days}
                onChange={(next) => set({ ...value, max_active_days: days(next) })}
                allowDecimal={false}
                allowNegative={false}
              />
            )}
          </Field>
          <Field
            name="lifecycle.reminder_schedule_days"
            label={words.reminders}
            help={words.remindersHint}
            findings={findings}
          >
            {(common) => (
              <TagsInput
                {...common}
                value={value.reminder_schedule_days.map(String)}
                onChange={(next) =>
                  set({
                    ...value,
                    reminder_schedule_days: [...new Set(next.map(days).filter((n) => n > 0))].sort(
                      (a, b) => b - a,
                    ),
                  })
                }
                inputMode="numeric"
              />
            )}
          </Field>
          <Field
            name="lifecycle.deprecated_grace_days"
            label={words.grace}
            help={words.graceHint}
            findings={findings}
          >
            {(common) => (
              <NumberInput
                {...common}
                maw={220}
                suffix={` ${words.days}`}
                value={value.deprecated_grace_days}
                onChange={(next) => set({ ...value, deprecated_grace_days: days(next) })}
                allowDecimal={false}
                allowNegative={false}
              />
            )}
          </Field>
          <p className={classes.quiet}>
            {words.example(value.max_active_days, value.reminder_schedule_days, value.deprecated_grace_days)}{" "}
            {words.next}
          </p>
          <SaveBar edit={edit} />
        </div>
      </Form>
    </Panel>
  );
}
