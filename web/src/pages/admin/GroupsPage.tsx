import { Button } from "@mantine/core";
import { IconPlus, IconUsersGroup } from "@tabler/icons-react";
import { Link } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { api, unwrap } from "../../api/client";
import { about } from "../../api/live";
import type { Group } from "../../api/types";
import { m } from "../../messages";
import { Empty } from "../../pieces/Empty";
import { type Column, Listing, Under } from "../../pieces/Listing";
import { Panel } from "../../pieces/Page";
import { useListing } from "../../pieces/useListing";

const words = m.admin.groups;

const columns: Column<Group>[] = [
  {
    title: words.name,
    cell: (group) => (
      <>
        {group.title}
        <Under>{group.name}</Under>
      </>
    ),
  },
  {
    title: words.roles,
    cell: (group) => words.wordsOf(group.roles.map((one) => words.role[one]?.[0] ?? one)),
  },
  { title: words.domains, cell: (group) => group.domains.join(", ") || "–" },
  { title: words.members, end: true, cell: (group) => group.members.length },
];

/** Teams, and people with a role. */
export function Component() {
  const writes = useWrites("groups");
  const list = useListing<Group>({
    key: ["groups", "list"],
    read: (cursor, signal) =>
      unwrap(api.GET("/api/v1/groups", { params: { query: { cursor, limit: 100 } }, signal })),
    meta: about("group"),
  });
  const make = writes && (
    <Button component={Link} to="/admin/groups/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.make}
    </Button>
  );
  return (
    <AdminPage section="groups" words={words.words} actions={make}>
      <Panel flush>
        <Listing
          label={words.title}
          columns={columns}
          list={list}
          rowKey={(group) => group.name}
          href={(group) => `/admin/groups/${encodeURIComponent(group.name)}`}
          nothing={
            <Empty tall icon={<IconUsersGroup />} title={words.none} words={words.noneWords}>
              {make}
            </Empty>
          }
        />
      </Panel>
    </AdminPage>
  );
}
