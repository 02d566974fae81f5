import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { m } from "../messages";
import { sentence } from "../model/text";
import { NoticeBox } from "../pieces/Notice";

/** Says that a change waits for a second administrator. */
export function Proposed({ words }: { words: string }) {
  return (
    <NoticeBox
      tone="info"
      title={m.admin.proposed.title}
      actions={
        <Anchor component={Link} to="/admin/proposals">
          {m.admin.proposed.open}
        </Anchor>
      }
    >
      <p>{m.admin.proposed.words(sentence(words))}</p>
    </NoticeBox>
  );
}
