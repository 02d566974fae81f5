import { Switch, TextInput } from "@mantine/core";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { Field } from "../pieces/Field";
import { Form, SaveBar } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import { personQuery } from "./calls";
import type { Somebody } from "./types";

/** Name and kind of a person. */
export function PersonForm({ person }: { person: Somebody }) {
  const words = m.admin.people;
  const reread = () => queries.fetchQuery({ ...personQuery(person.email), staleTime: 0 });
  const edit = useEdit({
    read: person,
    pick: ({ display_name, agent }) => ({ display_name, agent }),
    save: async (value, revision) => {
      await unwrap(
        api.PUT("/api/v1/people/{email}", {
          params: { path: { email: person.email }, header: over(revision) },
          body: { ...value, active: person.active, groups: person.groups },
        }),
      );
      return reread();
    },
    reread,
    saved: () => queries.invalidateQueries(),
  });
  const { value, set, findings } = edit;
  return (
    <Panel>
      <Form label={words.displayName} submit={edit.save}>
        <Field name="display_name" label={words.displayName} findings={findings}>
          {(common) => (
            <TextInput
              maw={480}
              {...common}
              value={value.display_name}
              onChange={(event) => set({ ...value, display_name: event.currentTarget.value })}
            />
          )}
        </Field>
        <Switch
          label={words.agent}
          description={words.agentHint}
          checked={value.agent}
          onChange={(event) => set({ ...value, agent: event.currentTarget.checked })}
        />
        <SaveBar edit={edit} />
      </Form>
    </Panel>
  );
}
