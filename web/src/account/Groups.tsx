import { Button } from "@mantine/core";
import { IconUsers, IconUsersGroup } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import classes from "../admin/Admin.module.css";
import { rolesOf } from "../admin/roles";
import { groupsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { useSelf } from "../session/session";

/** The groups that the person is in, and those that everybody may join. */
export function Groups() {
  const self = useSelf();
  const groups = useQuery(groupsQuery);
  const words = m.account.groups;
  const items = groups.data?.items ?? [];
  const mine = items.filter((group) => group.members.includes(self.email));
  const open = items.filter((group) => group.joinable);
  const move = useMutation({
    mutationFn: ({ name, to }: { name: string; to: "join" | "leave" }) =>
      unwrap(
        to === "join"
          ? api.POST("/api/v1/groups/{name}/join", { params: { path: { name } } })
          : api.POST("/api/v1/groups/{name}/leave", { params: { path: { name } } }),
      ),
    onSettled: () =>
      Promise.all(
        [["groups"], ["session"], ["segments"]].map((queryKey) => queries.invalidateQueries({ queryKey })),
      ),
  });
  return (
    <div className={classes.stack}>
      {groups.error && !groups.data && <Notice problem={groups.error} retry={groups.refetch} />}
      {move.error && <Notice problem={move.error} />}
      <Panel title={words.title} flush>
        <p className={classes.lead}>{words.words}</p>
        {groups.isPending && <RowSkeleton rows={2} />}
        {groups.data && mine.length === 0 && (
          <Empty icon={<IconUsersGroup />} title={words.none} words={words.noneWords} />
        )}
        <Rows label={words.title}>
          {mine.map((group) => (
            <Row
              key={group.name}
              title={<Link to={`/admin/groups/${encodeURIComponent(group.name)}`}>{group.title}</Link>}
              words={rolesOf(group)}
            />
          ))}
        </Rows>
      </Panel>
      {open.length > 0 && (
        <Panel title={words.open}>
          <p className={classes.quiet}>{words.openWords}</p>
          <Rows label={words.open}>
            {open.map((group) => {
              const member = group.members.includes(self.email);
              return (
                <Row
                  key={group.name}
                  lead={<IconUsers size={20} aria-hidden />}
                  title={group.title}
                  words={words.members(group.members.length)}
                  end={
                    <Button
                      size="xs"
                      variant={member ? "default" : "filled"}
                      aria-label={member ? words.leaveName(group.title) : words.joinName(group.title)}
                      loading={move.isPending && move.variables.name === group.name}
                      onClick={() => move.mutate({ name: group.name, to: member ? "leave" : "join" })}
                    >
                      {member ? words.leave : words.join}
                    </Button>
                  }
                />
              );
            })}
          </Rows>
        </Panel>
      )}
    </div>
  );
}
