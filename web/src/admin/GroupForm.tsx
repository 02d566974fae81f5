import { Checkbox, NumberInput, Switch, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { environmentsQuery } from "../api/calls";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Group } from "../api/types";
import { m } from "../messages";
import { slugOf } from "../model/slug";
import { ConfirmButton } from "../pieces/Confirm";
import { Field } from "../pieces/Field";
import { Form, Pair, SaveBar } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import classes from "./Admin.module.css";
import { groupQuery } from "./calls";
import { PeopleInput } from "./PeopleInput";
import { Proposed } from "./Proposed";
import { useWrite } from "./useWrite";
import { specOf } from "./writes";

const roles = ["publisher", "approver", "operator", "auditor", "admin"] as const;

/** Members, roles and what comes with them. */
export function GroupForm({ group }: { group: Group }) {
  const words = m.admin.groups;
  const navigate = useNavigate();
  const make = group.revision === 0;
  const [name, setName] = useState("");
  const { proposed, run } = useWrite();
  const environments = useQuery(environmentsQuery).data?.items ?? [];
  const reread = () => queries.fetchQuery({ ...groupQuery(group.name), staleTime: 0 });
  const edit = useEdit({
    read: group,
    pick: specOf,
    save: async (value, revision) => {
      const slug = make ? name || slugOf(value.title) : group.name;
      const answer = await run(
        unwrap(
          api.PUT("/api/v1/groups/{name}", {
            params: { path: { name: slug }, header: over(revision) },
            body: value,
          }),
        ),
      );
      return answer ?? (make ? group : reread());
    },
    reread,
    saved: (saved) => {
      if (make && saved.name) navigate(`/admin/groups/${encodeURIComponent(saved.name)}`, { replace: true });
    },
  });
  const { value, set, findings } = edit;
  const approves = value.roles.includes("approver");
  return (
    <div className={classes.stack}>
      {proposed && <Proposed words={proposed} />}
      <Panel>
        <Form label={words.title} submit={edit.save}>
          <div className={classes.fields}>
            <Pair>
              <Field name="title" label={words.displayName} help={words.displayNameHint} findings={findings}>
                {(common) => (
                  <TextInput
                    {...common}
                    autoFocus={make}
                    value={value.title}
                    onChange={(event) => set({ ...value, title: event.currentTarget.value })}
                  />
                )}
              </Field>
              {make && (
                <Field name="name" label={words.shortName} help={words.shortNameHint} findings={findings}>
                  {(common) => (
                    <TextInput
                      {...common}
                      value={name || slugOf(value.title)}
                      onChange={(event) => setName(event.currentTarget.value)}
                    />
                  )}
                </Field>
              )}
            </Pair>
            <Field name="members" label={words.members} help={words.membersHint} findings={findings}>
              {(common) => (
                <PeopleInput
                  {...common}
                  value={value.members}
                  onChange={(members) => set({ ...value, members })}
                />
              )}
            </Field>
            <Checkbox.Group
              label={words.roles}
              value={value.roles}
              onChange={(next) => set({ ...value, roles: roles.filter((role) => next.includes(role)) })}
            >
              <div className={classes.stack} style={{ gap: 10, marginTop: 8 }}>
                {roles.map((role) => (
                  <Checkbox
                    key={role}
                    value={role}
                    label={words.role[role]?.[0]}
                    description={words.role[role]?.[1]}
                  />
                ))}
              </div>
            </Checkbox.Group>
            {approves && (
              <fieldset className={classes.part}>
                <legend>{words.approver}</legend>
                <Field name="domains" label={words.domainsLabel} help={words.domainsHint} findings={findings}>
                  {(common) => (
                    <TagsInput
                      {...common}
                      data={["product", "security", "platform"]}
                      value={value.domains}
                      onChange={(domains) => set({ ...value, domains })}
                      error={common.error ?? (value.domains.length === 0 ? words.noDomain : undefined)}
                    />
                  )}
                </Field>
                <Switch
                  label={words.delegated}
                  description={words.delegatedHint}
                  checked={value.delegated}
                  onChange={(event) => set({ ...value, delegated: event.currentTarget.checked })}
                />
                <p className={classes.quiet}>
                  {words.scope}. {words.scopeHint}
                </p>
                <Pair>
                  <TagsInput
                    label={words.scopeApps}
                    value={value.scope.apps ?? []}
                    onChange={(apps) => set({ ...value, scope: { ...value.scope, apps } })}
                  />
                  <TagsInput
                    label={words.scopeCategories}
                    data={Object.keys(m.publish.app.categories)}
                    value={value.scope.categories ?? []}
                    onChange={(categories) => set({ ...value, scope: { ...value.scope, categories } })}
                  />
                  <TagsInput
                    label={words.scopeEnvironments}
                    data={environments.map((one) => one.name)}
                    value={value.scope.environments ?? []}
                    onChange={(next) => set({ ...value, scope: { ...value.scope, environments: next } })}
                  />
                </Pair>
              </fieldset>
            )}
            <Switch
              label={words.joinable}
              description={words.joinableHint}
              checked={value.joinable}
              onChange={(event) => set({ ...value, joinable: event.currentTarget.checked })}
            />
            {value.joinable && (
              <Field name="max_members" label={words.room} help={words.roomHint} findings={findings}>
                {(common) => (
                  <NumberInput
                    {...common}
                    min={1}
                    max={1_000_000}
                    placeholder="199"
                    value={value.max_members || ""}
                    onChange={(next) => set({ ...value, max_members: Number(next) || 0 })}
                  />
                )}
              </Field>
            )}
            <SaveBar edit={edit} always={make} saveLabel={make ? words.create : words.save} />
          </div>
        </Form>
      </Panel>
      {!make && (
        <div>
          <ConfirmButton
            danger
            label={m.admin.remove}
            title={`${m.admin.remove} ${group.title}?`}
            happens={words.deleteHappens(group.title, group.members.length)}
            button={{ variant: "default", color: "red" }}
            run={async () => {
              const done = await run(
                unwrap(
                  api.DELETE("/api/v1/groups/{name}", {
                    params: { path: { name: group.name }, header: over(group.revision) },
                  }),
                ),
              );
              if (done !== null) await navigate("/admin/groups", { replace: true });
            }}
          />
        </div>
      )}
    </div>
  );
}
