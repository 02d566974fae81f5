import { Button, Table } from "@mantine/core";
import type { Content, Request } from "../api/types";
import { m } from "../messages";
import { differences } from "../model/diff";
import { NoticeBox } from "../pieces/Notice";

interface Props {
  theirs: Content;
  yours: Content;
  newer: Request;
  goOn: (content: Content) => void;
}

/** Says what somebody else changed meanwhile, and lets one choose whose version to go on with. */
export function Stale({ theirs, yours, newer, goOn }: Props) {
  const words = m.publish.stale;
  if (!newer.can.includes("edit")) {
    return <NoticeBox tone="danger" title={words.closed(m.state.request[newer.state].toLowerCase())} />;
  }
  return (
    <NoticeBox
      tone="warn"
      title={words.title}
      actions={
        <>
          <Button size="xs" onClick={() => goOn(yours)}>
            {words.keepYours}
          </Button>
          <Button size="xs" variant="default" onClick={() => goOn(theirs)}>
            {words.takeTheirs}
          </Button>
        </>
      }
    >
      <p>{words.words}</p>
      <Table mt="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.field}</Table.Th>
            <Table.Th>{words.theirs}</Table.Th>
            <Table.Th>{words.yours}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {differences(theirs, yours).map((one) => (
            <Table.Tr key={one.path}>
              <Table.Th scope="row">
                <code>{one.path}</code>
              </Table.Th>
              <Table.Td>{shown(one.theirs)}</Table.Td>
              <Table.Td>{shown(one.yours)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </NoticeBox>
  );
}

const shown = (value: unknown): string =>
  value === undefined ? m.publish.review.empty : typeof value === "string" ? value : JSON.stringify(value);
