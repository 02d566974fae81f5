import { MultiSelect, Switch, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { groupsQuery } from "../api/calls";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Segment } from "../api/types";
import { m } from "../messages";
import { wrongRule } from "../model/segment";
import { slugOf } from "../model/slug";
import { ConfirmButton } from "../pieces/Confirm";
import { Field } from "../pieces/Field";
import { Form, Pair, SaveBar } from "../pieces/Form";
import { NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import classes from "./Admin.module.css";
import { segmentQuery } from "./calls";
import { PeopleInput } from "./PeopleInput";
import { SegmentRules } from "./SegmentRules";

const settings = ({ title, description, everybody, groups, people, rules, match }: Segment) => ({
  title,
  description,
  everybody,
  groups,
  people,
  rules,
  match,
});

/** Who is in an audience: everybody, or groups, people and rules. */
export function SegmentForm({ segment }: { segment: Segment }) {
  const words = m.admin.segments;
  const navigate = useNavigate();
  const make = segment.revision === 0;
  const [name, setName] = useState("");
  const [asked, setAsked] = useState(false);
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const reread = () => queries.fetchQuery({ ...segmentQuery(segment.name), staleTime: 0 });
  const edit = useEdit({
    read: segment,
    pick: settings,
    save: async (value, revision) => {
      const answer = await unwrap(
        api.PUT("/api/v1/segments/{name}", {
          params: {
            path: { name: make ? name || slugOf(value.title) : segment.name },
            header: over(revision),
          },
          body: value.everybody ? { ...value, groups: [], people: [], rules: [] } : value,
        }),
      );
      if (answer.request) navigate(`/requests/${answer.request.id}`);
      return answer;
    },
    reread,
    saved: (saved) => {
      queries.invalidateQueries();
      if (make) navigate(`/admin/segments/${encodeURIComponent(saved.name)}`, { replace: true });
    },
  });
  const { value, set, findings } = edit;
  function send() {
    setAsked(true);
    if (value.everybody || !value.rules.some(wrongRule)) edit.save();
  }
  return (
    <div className={classes.stack}>
      <Panel>
        <Form label={words.title} submit={send}>
          <div className={classes.fields}>
            <Pair>
              <Field name="title" label={words.displayName} findings={findings}>
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
                <Field name="name" label={words.shortName} findings={findings}>
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
            <Field
              name="description"
              label={words.description}
              help={words.descriptionHint}
              findings={findings}
            >
              {(common) => (
                <Textarea
                  {...common}
                  autosize
                  value={value.description}
                  onChange={(event) => set({ ...value, description: event.currentTarget.value })}
                />
              )}
            </Field>
            <Switch
              label={words.everybody}
              description={words.everybodyHint}
              checked={value.everybody}
              onChange={(event) => set({ ...value, everybody: event.currentTarget.checked })}
            />
            {!value.everybody && (
              <>
                <p className={classes.quiet}>{words.or}</p>
                <Field name="groups" label={words.groups} help={words.groupsHint} findings={findings}>
                  {(common) => (
                    <MultiSelect
                      {...common}
                      searchable
                      data={groups.map((group) => ({ value: group.name, label: group.title }))}
                      value={value.groups}
                      onChange={(next) => set({ ...value, groups: next })}
                    />
                  )}
                </Field>
                <Field name="people" label={words.people} help={words.peopleHint} findings={findings}>
                  {(common) => (
                    <PeopleInput
                      {...common}
                      value={value.people}
                      onChange={(people) => set({ ...value, people })}
                    />
                  )}
                </Field>
                <SegmentRules
                  rules={value.rules}
                  match={value.match}
                  set={(rules, match) => set({ ...value, rules, match })}
                  findings={findings}
                  asked={asked}
                />
              </>
            )}
            {!make && edit.dirty && <NoticeBox tone="warn" title={words.live} />}
            <SaveBar edit={edit} always={make} saveLabel={make ? words.create : words.save} />
          </div>
        </Form>
      </Panel>
      {!make && (
        <div>
          <ConfirmButton
            danger
            label={m.admin.remove}
            title={`${m.admin.remove} ${segment.title}?`}
            happens={words.deleteHappens(segment.title)}
            run={async () => {
              await unwrap(
                api.DELETE("/api/v1/segments/{name}", {
                  params: { path: { name: segment.name }, header: over(segment.revision) },
                }),
              );
              queries.invalidateQueries();
              await navigate("/admin/segments", { replace: true });
            }}
          />
        </div>
      )}
    </div>
  );
}
