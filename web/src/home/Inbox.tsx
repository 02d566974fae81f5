import {
  IconCalendarDue,
  IconCircleCheck,
  IconDatabaseImport,
  IconHandStop,
  IconHourglass,
  IconInbox,
  IconLockOpen,
  IconMessage,
  IconPencil,
  IconPlayerPlay,
  IconRoute,
  IconTool,
  IconUserOff,
  IconUsers,
  IconUsersPlus,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { inboxQuery } from "../api/calls";
import type { InboxItem } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Chip, type Tone } from "../pieces/Chip";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { When } from "../pieces/When";

type Kind = InboxItem["kind"];

const looks: Record<Kind, [Tone, typeof IconTool]> = {
  approve: ["info", IconCircleCheck],
  start_rollout: ["on", IconPlayerPlay],
  promote: ["info", IconRoute],
  fix_request: ["warn", IconTool],
  comment: ["info", IconMessage],
  proposal: ["warn", IconUsers],
  removal: ["danger", IconUserOff],
  objection: ["warn", IconMessage],
  killed: ["danger", IconHandStop],
  uncommitted: ["danger", IconHandStop],
  loosened: ["warn", IconLockOpen],
  restored: ["warn", IconDatabaseImport],
  outgrown: ["warn", IconUsersPlus],
  expiring: ["warn", IconCalendarDue],
  draft: ["off", IconPencil],
  waiting: ["off", IconHourglass],
  nobody_left: ["warn", IconUserOff],
};

// What waits for others stands among the person's requests, not here.
const parts: { id: keyof typeof m.home.parts; kinds: Kind[] }[] = [
  {
    id: "inbox",
    kinds: [
      "approve",
      "promote",
      "start_rollout",
      "fix_request",
      "nobody_left",
      "comment",
      "proposal",
      "removal",
      "objection",
      "loosened",
      "outgrown",
      "restored",
    ],
  },
  { id: "killed", kinds: ["uncommitted", "killed"] },
  { id: "expiring", kinds: ["expiring"] },
  { id: "drafts", kinds: ["draft"] },
];

/** What waits for the person, oldest first; then what is turned off, what runs out, and what is not submitted yet. */
export function Inbox() {
  const inbox = useQuery(inboxQuery);
  const items = inbox.data?.items;
  return parts.map(({ id, kinds }) => {
    const own = items?.filter((item) => kinds.includes(item.kind)) ?? [];
    if (id !== "inbox" && own.length === 0) return null;
    return (
      <Panel key={id} title={m.home.parts[id]} flush>
        {inbox.error && !items && <Notice problem={inbox.error} retry={inbox.refetch} />}
        {inbox.isPending && <RowSkeleton rows={2} />}
        {items && own.length === 0 && (
          <Empty icon={<IconInbox />} title={m.home.inboxEmpty} words={m.home.inboxEmptyWords} />
        )}
        {own.length > 0 && (
          <Rows label={m.home.parts[id]} lead={112}>
            {own.map((item) => (
              <Item key={`${item.kind} ${item.href} ${item.at}`} item={item} />
            ))}
          </Rows>
        )}
      </Panel>
    );
  });
}

function Item({ item }: { item: InboxItem }) {
  const [tone, Icon] = looks[item.kind];
  return (
    <Row
      to={item.href}
      lead={
        <Chip tone={tone} icon={<Icon />}>
          {m.home.kinds[item.kind]}
        </Chip>
      }
      title={item.title}
      words={sentence(item.words)}
      at={item.kind !== "expiring" && <When at={item.at} />} // its words say when
    />
  );
}
