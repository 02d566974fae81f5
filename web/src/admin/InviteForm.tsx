import { Button, MultiSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { groupsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { m } from "../messages";
import { byField } from "../model/findings";
import { Field } from "../pieces/Field";
import { findingsIn } from "../pieces/Findings";
import { Form, Pair } from "../pieces/Form";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./Admin.module.css";
import { Proposed } from "./Proposed";
import { rolesOf } from "./roles";
import type { Invitation } from "./types";
import { useWrite } from "./useWrite";

interface Props {
  close: () => void;
  made: (invitation: Invitation) => void;
}

/** Invites somebody: the answer is a link to send to them. */
export function InviteForm({ close, made }: Props) {
  const words = m.admin.people;
  const known = useQuery(groupsQuery).data?.items ?? [];
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const [asked, setAsked] = useState(false);
  const bad = !/^\S+@\S+$/.test(email.trim());
  const { proposed, run } = useWrite();
  const invite = useMutation({
    mutationFn: () =>
      run(
        unwrap(
          api.POST("/api/v1/people/{email}/invite", {
            params: { path: { email: email.trim() } },
            body: { display_name: name.trim() || undefined, groups },
          }),
        ),
      ),
    onSuccess: (invitation) => invitation && made(invitation),
  });
  const findings = byField(findingsIn(invite.error));
  function send() {
    setAsked(true);
    if (!bad && !invite.isPending) invite.mutate();
  }
  return (
    <Panel title={words.invite}>
      <Form label={words.invite} submit={send}>
        <div className={classes.fields}>
          {proposed && <Proposed words={proposed} />}
          {invite.error && findings.size === 0 && <Notice problem={invite.error} />}
          <Pair>
            <Field name="email" label={words.email} help={words.emailHint} required findings={findings}>
              {(common) => (
                <TextInput
                  {...common}
                  type="email"
                  autoComplete="off"
                  autoFocus
                  value={email}
                  onChange={(event) => setEmail(event.currentTarget.value)}
                  error={asked && bad ? words.badEmail : common.error}
                />
              )}
            </Field>
            <Field
              name="display_name"
              label={words.displayName}
              help={words.displayNameHint}
              findings={findings}
            >
              {(common) => (
                <TextInput
                  {...common}
                  autoComplete="off"
                  value={name}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
              )}
            </Field>
          </Pair>
          <Field
            name="groups"
            label={words.groups}
            help={known.length > 0 ? words.groupsHint : words.noGroups}
            findings={findings}
          >
            {(common) => (
              <MultiSelect
                {...common}
                data={known.map((group) => ({
                  value: group.name,
                  label: group.title === rolesOf(group) ? group.title : `${group.title} (${rolesOf(group)})`,
                }))}
                value={groups}
                onChange={setGroups}
                searchable
              />
            )}
          </Field>
          <div className={classes.row}>
            <Button type="submit" loading={invite.isPending}>
              {words.makeLink}
            </Button>
            <Button variant="default" onClick={close}>
              {m.cancel}
            </Button>
          </div>
        </div>
      </Form>
    </Panel>
  );
}
