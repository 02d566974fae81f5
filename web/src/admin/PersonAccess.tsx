import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { groupsQuery } from "../api/calls";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./Admin.module.css";
import { LinkToSend } from "./LinkToSend";
import { Proposed } from "./Proposed";
import type { Invitation, Somebody } from "./types";
import { useWrite } from "./useWrite";

/** How somebody gets in: links, sessions, and whether at all. */
export function PersonAccess({ person }: { person: Somebody }) {
  const self = useSelf();
  const words = m.admin.people;
  const [link, setLink] = useState<Invitation | null>(null);
  const path = { email: person.email };
  const name = person.display_name;
  const { proposed, run } = useWrite();
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const governs = groups.some(({ name, roles }) => person.groups.includes(name) && roles.includes("admin"));
  async function setActive(active: boolean) {
    await run(
      unwrap(
        api.PUT("/api/v1/people/{email}", {
          params: { path, header: over(person.revision) },
          body: { display_name: name, agent: person.agent, groups: person.groups, active },
        }),
      ),
    );
  }
  async function make(invitation: Promise<Invitation | { proposal: unknown }>) {
    setLink(await run(invitation));
  }
  const wide = { fullWidth: true } as const;
  return (
    <>
      {proposed && !person.suspended && <Proposed words={proposed} />}
      {person.suspended && <SuspendedNotice person={person} />}
      {link && <LinkToSend made={link} done={() => setLink(null)} />}
      <Panel title={words.access}>
        <div className={classes.stack} style={{ gap: 8 }}>
          <p className={classes.quiet}>{person.id === self.id ? words.self : words.accessWords}</p>
          {person.active && !person.has_password && (
            <ConfirmButton
              label={words.inviteAgain}
              title={words.inviteAgain}
              happens={words.inviteAgainHappens}
              button={wide}
              run={() =>
                make(unwrap(api.POST("/api/v1/people/{email}/invite", { params: { path }, body: {} })))
              }
            />
          )}
          {person.active && person.has_password && (
            <ConfirmButton
              label={words.reset}
              title={words.reset}
              happens={words.resetHappens(name)}
              button={wide}
              run={() => make(unwrap(api.POST("/api/v1/people/{email}/reset-link", { params: { path } })))}
            />
          )}
          {person.active && !person.suspended && (
            <ConfirmButton
              label={words.signOut}
              title={words.signOut}
              happens={words.signOutHappens(name)}
              button={wide}
              run={async () => {
                await unwrap(api.POST("/api/v1/people/{email}/sign-out", { params: { path } }));
                await queries.invalidateQueries();
              }}
            />
          )}
          {person.active ? (
            person.id !== self.id &&
            !person.suspended && (
              <ConfirmButton
                danger
                label={governs ? words.suspend : words.deactivate}
                title={governs ? words.suspend : words.deactivate}
                happens={governs ? words.suspendHappens(name) : words.deactivateHappens(name)}
                button={wide}
                run={() => setActive(false)}
              />
            )
          ) : (
            <ConfirmButton
              label={words.activate}
              title={words.activate}
              happens={words.activateHappens(name)}
              button={wide}
              run={() => setActive(true)}
            />
          )}
        </div>
      </Panel>
    </>
  );
}

/** Says that an administrator is suspended, and lets another one end that. */
function SuspendedNotice({ person }: { person: Somebody }) {
  const words = m.admin.people;
  const path = { id: person.suspended ?? "" };
  return (
    <NoticeBox
      tone="warn"
      title={words.isSuspended(person.display_name)}
      actions={
        person.id !== useSelf().id && (
          <ConfirmButton
            label={words.lift}
            title={words.lift}
            happens={words.liftHappens(person.display_name)}
            button={{ size: "xs" }}
            run={async () => {
              await unwrap(api.POST("/api/v1/proposals/{id}/withdraw", { params: { path } }));
              await queries.invalidateQueries();
            }}
          />
        )
      }
    >
      <p>
        {words.isSuspendedWords} <Link to="/admin/proposals">{m.admin.proposed.open}</Link>
      </p>
    </NoticeBox>
  );
}
