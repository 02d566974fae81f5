import { TagsInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";
import { Link } from "react-router";
import { flagQuery, tagsQuery } from "../api/calls";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Flag } from "../api/types";
import { m } from "../messages";
import { tagOf } from "../model/slug";
import { Field } from "../pieces/Field";
import { Form, SaveBar } from "../pieces/Form";
import { Panel } from "../pieces/Page";
import { useEdit } from "../pieces/useEdit";
import classes from "./TagsPanel.module.css";

const words = m.flag.tags;

/** The words that a flag is found by, and turned off together with others by. */
export function TagsPanel({ flag }: { flag: Flag }) {
  if (flag.can.includes("tag")) return <Edit flag={flag} />;
  if (flag.tags.length === 0) return null;
  return (
    <Panel title={words.title}>
      <p className={classes.words}>
        {flag.tags.map((tag, i) => (
          <Fragment key={tag}>
            {i > 0 && ", "}
            <Link to={`/flags?tag=${encodeURIComponent(tag)}`}>{tag}</Link>
          </Fragment>
        ))}
      </p>
    </Panel>
  );
}

function Edit({ flag }: { flag: Flag }) {
  const known = useQuery(tagsQuery("")).data?.items ?? [];
  const edit = useEdit({
    read: flag,
    pick: (read) => read.tags,
    save: (tags, revision) =>
      unwrap(
        api.PUT("/api/v1/flags/{key}/tags", {
          params: { path: { key: flag.key }, header: over(revision) },
          body: { tags },
        }),
      ),
    reread: () => queries.fetchQuery({ ...flagQuery(flag.key), staleTime: 0 }),
    saved: () => queries.invalidateQueries(),
  });
  return (
    <Panel title={words.title}>
      <Form label={words.title} submit={edit.save}>
        <div className={classes.fields}>
          <Field name="tags" label={words.label} help={words.help} findings={edit.findings}>
            {(common) => (
              <TagsInput
                {...common}
                data={known.map((tag) => tag.name)}
                value={edit.value}
                onChange={(tags) => edit.set([...new Set(tags.map(tagOf))].filter(Boolean).sort())}
              />
            )}
          </Field>
          <SaveBar edit={edit} nameOf={() => words.title} />
        </div>
      </Form>
    </Panel>
  );
}
