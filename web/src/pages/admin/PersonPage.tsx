import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { SessionRows } from "../../account/Sessions";
import classes from "../../admin/Admin.module.css";
import { AdminPage } from "../../admin/AdminPage";
import { personQuery, sessionsQuery } from "../../admin/calls";
import { PersonAccess } from "../../admin/PersonAccess";
import { PersonChip } from "../../admin/PersonChip";
import { PersonForm } from "../../admin/PersonForm";
import { PersonGroups } from "../../admin/PersonGroups";
import { m } from "../../messages";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { Columns, Panel } from "../../pieces/Page";

/** One person: name, groups, how they get in, where they are signed in. */
export function Component() {
  const { email = "" } = useParams();
  const person = useQuery(personQuery(email));
  const sessions = useQuery({ ...sessionsQuery(email), enabled: Boolean(person.data) });
  const words = m.admin.people;
  return (
    <AdminPage
      section="people"
      title={person.data?.display_name ?? email}
      above={<Link to="/admin/people">{words.title}</Link>}
      words={email}
      actions={person.data && <PersonChip person={person.data} />}
    >
      {person.isPending && <Loading panels={[240, 160]} />}
      {person.error && !person.data && <Missing problem={person.error} retry={person.refetch} />}
      {person.data && (
        <Columns aside={<PersonAccess person={person.data} />} after>
          <PersonGroups person={person.data} />
          <PersonForm person={person.data} />
          <Panel title={words.sessions} flush>
            {sessions.data?.items.length === 0 && (
              <p className={classes.quiet} style={{ padding: "0 20px 16px" }}>
                {words.noSessions}
              </p>
            )}
            <SessionRows items={sessions.data?.items ?? []} label={words.sessions} />
          </Panel>
        </Columns>
      )}
    </AdminPage>
  );
}
