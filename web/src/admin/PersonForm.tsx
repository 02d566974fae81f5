import { Switch, TextInput } from "@mantine/core";
import { useNavigate } from "react-router";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { Field } from "../pieces/Field";
import { Form, SaveBar } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import { personQuery } from "./calls";
import { Proposed } from "./Proposed";
import type { Somebody } from "./types";
import { useWrite } from "./useWrite";

/** Address, name and kind of a person. Under another address they stay the same person. */
export function PersonForm({ person }: { person: Somebody }) {
  const words = m.admin.people;
  const navigate = useNavigate();
  const { proposed, run } = useWrite();
  const reread = (email = person.email) => queries.fetchQuery({ ...personQuery(email), staleTime: 0 });
  const edit = useEdit({
    read: person,
    pick: ({ email, display_name, agent }) => ({ email, display_name, agent }),
    save: async (value, revision) => {
      const written = await run(
        unwrap(
          api.PUT("/api/v1/people/{email}", {
            params: { path: { email: person.email }, header: over(revision) },
            body: { ...value, active: person.active, groups: person.groups },
          }),
        ),
      );
      return reread(written?.email);
    },
    reread,
    saved: async ({ email }) => {
      if (email !== person.email)
        await navigate(`/admin/people/${encodeURIComponent(email)}`, { replace: true });
      await queries.invalidateQueries();
    },
  });
  const { value, set, findings } = edit;
  return (
    <Panel>
      {proposed && <Proposed words={proposed} />}
      <Form label={words.displayName} submit={edit.save}>
        <Field name="email" label={words.email} help={words.renameHint} findings={findings}>
          {(common) => (
            <TextInput
              maw={480}
              type="email"
              {...common}
              value={value.email}
              onChange={(event) => set({ ...value, email: event.currentTarget.value })}
            />
          )}
        </Field>
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
