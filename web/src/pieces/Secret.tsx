import { Button } from "@mantine/core";
import { m } from "../messages";
import { Code } from "./Code";
import { NoticeBox } from "./Notice";

interface Props {
  /** What it is: "Token of the nightly build". */
  label: string;
  secret: string;
  /** Until when it works, and what to do with it. */
  words?: string;
  /** The person has kept it; it is gone from the screen then. */
  done: () => void;
}

/** A secret that the server tells once: copied, then gone. */
export function Secret({ label, secret, words, done }: Props) {
  return (
    <NoticeBox
      tone="on"
      title={label}
      actions={
        <Button size="xs" variant="default" onClick={done}>
          {m.pieces.secret.kept}
        </Button>
      }
    >
      <p>
        {m.pieces.secret.once} {words}
      </p>
      <div style={{ marginTop: 8 }}>
        <Code label={label} copy={secret}>
          {secret}
        </Code>
      </div>
    </NoticeBox>
  );
}
