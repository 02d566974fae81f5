import { m } from "../messages";
import { exact } from "../model/time";
import { Secret } from "../pieces/Secret";
import type { Invitation } from "./types";

/** A one-time link, to be copied and sent. */
export function LinkToSend({ made, done }: { made: Invitation; done: () => void }) {
  const words = m.admin.people;
  return (
    <Secret
      label={words.link(made.email ?? "")}
      secret={made.link}
      words={words.linkWords(exact(new Date(made.expires_at)))}
      done={done}
    />
  );
}
