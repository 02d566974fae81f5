import { useState } from "react";
import { api, over, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { Panel } from "../pieces/Page";
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
  async function setActive(active: boolean) {
    await unwrap(
      api.PUT("/api/v1/people/{email}", {
        params: { path, header: over(person.revision) },
        body: { display_name: name, agent: person.agent, groups: person.groups, active },
      }),
    );
    await queries.invalidateQueries();
  }
  const { proposed, run } = useWrite();
  async function make(invitation: Promise<Invitation | { proposal: unknown }>) {
    setLink(await run(invitation));
  }
  const wide = { fullWidth: true } as const;
  return (
    <>
      {proposed && <Proposed words={proposed} />}
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
          {person.active && (
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
            person.id !== self.id && (
              <ConfirmButton
                danger
                label={words.deactivate}
                title={words.deactivate}
                happens={words.deactivateHappens(name)}
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
