import { Button } from "@mantine/core";
import { IconPlus, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { segmentsQuery } from "../../api/calls";
import type { Segment } from "../../api/types";
import { m } from "../../messages";
import { Empty } from "../../pieces/Empty";
import { type Column, Listing, Under } from "../../pieces/Listing";
import { Panel } from "../../pieces/Page";

const words = m.admin.segments;

const columns: Column<Segment>[] = [
  {
    title: words.name,
    cell: (segment) => (
      <>
        {segment.title}
        <Under>{segment.name}</Under>
      </>
    ),
  },
  { title: words.who, cell: whoIn },
];

/** Who is in an audience, in a few words. */
function whoIn(segment: Segment): string {
  if (segment.everybody) return words.all;
  const parts = [
    segment.groups.length > 0 && words.part.groups(segment.groups),
    segment.people.length > 0 && words.part.people(segment.people.length),
    ...segment.rules.map(
      (rule) =>
        `${rule.attribute} ${words.operators[rule.operator] ?? rule.operator} ${rule.values.join(", ")}`,
    ),
  ].filter(Boolean);
  return parts.join("; ") || words.nobody;
}

/** The audiences. */
export function Component() {
  const writes = useWrites("segments");
  const segments = useQuery(segmentsQuery);
  const make = writes && (
    <Button component={Link} to="/admin/segments/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.make}
    </Button>
  );
  return (
    <AdminPage section="segments" words={words.words} actions={make}>
      <Panel flush>
        <Listing
          label={words.title}
          columns={columns}
          list={{
            items: segments.data?.items,
            old: false,
            problem: segments.data ? null : segments.error,
            retry: segments.refetch,
            more: undefined,
            reading: false,
          }}
          rowKey={(segment) => segment.name}
          href={(segment) => `/admin/segments/${encodeURIComponent(segment.name)}`}
          nothing={
            <Empty tall icon={<IconUsers />} title={words.none} words={words.noneWords}>
              {make}
            </Empty>
          }
        />
      </Panel>
    </AdminPage>
  );
}
