import { Button, Select } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { groupsQuery } from "../api/calls";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import classes from "./Admin.module.css";
import { Proposed } from "./Proposed";
import { rolesOf } from "./roles";
import type { Somebody } from "./types";
import { useWrite } from "./useWrite";
import { setMember } from "./writes";

/** The groups of a person: into one, out of one. */
export function PersonGroups({ person }: { person: Somebody }) {
  const words = m.admin.people;
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const [chosen, setChosen] = useState<string | null>(null);
  const { proposed, run } = useWrite();
  const move = useMutation({
    mutationFn: ({ name, member }: { name: string; member: boolean }) =>
      run(setMember(name, person.email, member)),
    onSuccess: () => setChosen(null),
  });
  const mine = person.groups.map((name) => groups.find((group) => group.name === name) ?? { name });
  const others = groups.filter((group) => !person.groups.includes(group.name));
  return (
    <Panel title={words.groups} flush>
      <div className={classes.stack} style={{ gap: 12, padding: "0 20px 12px" }}>
        {proposed && <Proposed words={proposed} />}
        {move.error && <Notice problem={move.error} />}
        {mine.length === 0 && <p className={classes.quiet}>{words.inNoGroup}</p>}
      </div>
      <Rows label={words.groups}>
        {mine.map((group) => (
          <Row
            key={group.name}
            title={
              <Link to={`/admin/groups/${encodeURIComponent(group.name)}`}>
                {"title" in group ? group.title : group.name}
              </Link>
            }
            words={"title" in group ? rolesOf(group) : undefined}
            end={
              <Button
                size="xs"
                variant="subtle"
                leftSection={<IconX size={14} aria-hidden />}
                loading={move.isPending && move.variables.name === group.name}
                onClick={() => move.mutate({ name: group.name, member: false })}
              >
                {words.removeFrom("title" in group ? group.title : group.name)}
              </Button>
            }
          />
        ))}
      </Rows>
      {others.length > 0 && (
        <div className={classes.row} style={{ padding: "12px 20px 16px", alignItems: "flex-end" }}>
          <Select
            label={words.addTo}
            data={others.map((group) => ({ value: group.name, label: group.title }))}
            value={chosen}
            onChange={setChosen}
            searchable
            style={{ flex: "0 1 280px" }}
          />
          <Button
            variant="default"
            disabled={!chosen}
            loading={move.isPending && move.variables.member}
            onClick={() => chosen && move.mutate({ name: chosen, member: true })}
          >
            {words.add}
          </Button>
        </div>
      )}
    </Panel>
  );
}
