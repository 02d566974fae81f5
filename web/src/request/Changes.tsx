import type { Change } from "../api/types";
import { m } from "../messages";
import { Diff, DiffSwitch } from "../pieces/Diff";
import { Panel } from "../pieces/Page";

/** What a request changes, in words or as JSON; which of the two stands in the address. */
export function Changes({ changes }: { changes: Change[] }) {
  return (
    <Panel title={m.request.changes} aside={changes.length > 0 && <DiffSwitch />}>
      <Diff changes={changes} nothing={m.request.noChanges} />
    </Panel>
  );
}
