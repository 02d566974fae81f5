import { Button } from "@mantine/core";
import { IconPlus, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { AdminPage } from "../../admin/AdminPage";
import { InviteForm } from "../../admin/InviteForm";
import { LinkToSend } from "../../admin/LinkToSend";
import { PersonChip } from "../../admin/PersonChip";
import type { Invitation, Somebody } from "../../admin/types";
import { api, unwrap } from "../../api/client";
import { about } from "../../api/live";
import { m } from "../../messages";
import { oneOf, text } from "../../model/address";
import { Empty } from "../../pieces/Empty";
import { FilterBar } from "../../pieces/FilterBar";
import { type Column, Listing, Under } from "../../pieces/Listing";
import { Panel } from "../../pieces/Page";
import { useFilters } from "../../pieces/useFilters";
import { useListing } from "../../pieces/useListing";
import { When } from "../../pieces/When";

const words = m.admin.people;

const columns: Column<Somebody>[] = [
  {
    title: words.name,
    cell: (person) => (
      <>
        {person.display_name}
        <Under>{person.email}</Under>
      </>
    ),
  },
  { title: words.groups, cell: (person) => person.groups.join(", ") || "–" },
  {
    title: words.seen,
    cell: (person) => (person.last_seen ? <When at={person.last_seen} /> : words.never),
  },
  { title: words.state, narrow: "bare", cell: (person) => <PersonChip person={person} /> },
];

const address = { q: text, make: oneOf("invitation") };

/** Everybody who may sign in, found by the server, and the way to invite more. */
export function Component() {
  const filters = useFilters(address);
  const q = filters.read("q");
  const inviting = filters.read("make") === "invitation";
  const [link, setLink] = useState<Invitation | null>(null);
  const list = useListing<Somebody>({
    key: ["people", "list", q ?? ""],
    read: (cursor, signal) =>
      unwrap(api.GET("/api/v1/people", { params: { query: { cursor, limit: 50, q } }, signal })),
    meta: about("person", "group"),
  });
  const invite = (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => {
        setLink(null);
        filters.set("make", "invitation");
      }}
    >
      {words.invite}
    </Button>
  );
  return (
    <AdminPage section="people" words={words.words} actions={!inviting && invite}>
      {link && <LinkToSend made={link} done={() => setLink(null)} />}
      {inviting && (
        <InviteForm
          close={() => filters.set("make", null)}
          made={(invitation) => {
            setLink(invitation);
            filters.set("make", null);
          }}
        />
      )}
      <FilterBar filters={filters} search={words.search} />
      <Panel flush>
        <Listing
          label={words.title}
          columns={columns}
          list={list}
          rowKey={(person) => person.id}
          href={(person) => `/admin/people/${encodeURIComponent(person.email)}`}
          filtered={Boolean(q)}
          clear={filters.clear}
          nothing={
            <Empty tall icon={<IconUsers />} title={words.none} words={words.noneWords}>
              {invite}
            </Empty>
          }
        />
      </Panel>
    </AdminPage>
  );
}
