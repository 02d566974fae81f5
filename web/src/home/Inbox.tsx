import {
  IconCircleCheck,
  IconHandStop,
  IconInbox,
  IconPlayerPlay,
  IconRoute,
  IconTool,
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

const looks: Record<InboxItem["kind"], [Tone, typeof IconTool]> = {
  approve: ["info", IconCircleCheck],
  start_rollout: ["on", IconPlayerPlay],
  promote: ["info", IconRoute],
  fix_request: ["warn", IconTool],
  killed: ["danger", IconHandStop],
};

/** What waits for the person, oldest first. */
export function Inbox() {
  const inbox = useQuery(inboxQuery);
  const items = inbox.data?.items;
  return (
    <Panel title={m.home.inbox} flush>
      {inbox.error && !items && <Notice problem={inbox.error} retry={inbox.refetch} />}
      {inbox.isPending && <RowSkeleton rows={2} />}
      {items?.length === 0 && (
        <Empty icon={<IconInbox />} title={m.home.inboxEmpty} words={m.home.inboxEmptyWords} />
      )}
      {items && items.length > 0 && (
        <Rows label={m.home.inbox} lead={104}>
          {items.map((item) => (
            <Item key={`${item.kind} ${item.href}`} item={item} />
          ))}
        </Rows>
      )}
    </Panel>
  );
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
      at={<When at={item.at} />}
    />
  );
}
